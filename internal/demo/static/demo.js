// With scripts, every form and button does its work through the JSON API, and
// the page stays where it is. Without them the same forms load it anew.

import {Failure, call, commandsOf, plural} from './api.js';
import {refresh, showCost, start} from './view.js';
import * as races from './races.js';

const byId = id => document.getElementById(id);
const json = value => ({body: JSON.stringify(value), headers: {'Content-Type': 'application/json'}});
const valuePath = form => `/api/values/${encodeURIComponent(form.elements.key.value)}`;
const queuePath = form => `/api/flash?queue=${encodeURIComponent(form.elements.queue.value)}`;

// The value field takes JSON, and anything else as text.
function typed(form) {
	const text = form.elements.value.value.trim();
	try {
		JSON.parse(text);
		return {body: text};
	} catch {
		return {body: JSON.stringify(text)};
	}
}

function list(messages) {
	if (messages.length === 0) {
		return 'No messages wait in this queue.';
	}
	const ul = document.createElement('ul');
	ul.append(...messages.map(message => {
		const li = document.createElement('li');
		li.textContent = typeof message === 'string' ? message : JSON.stringify(message);
		return li;
	}));
	return ul;
}

async function readEvents(answer) {
	const events = byId('events');
	events.replaceChildren();
	events.hidden = false;
	const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = '';
	for (let {value, done} = await reader.read(); !done; {value, done} = await reader.read()) {
		const blocks = (rest + value).split('\n\n');
		rest = blocks.pop();
		for (const block of blocks) {
			const item = document.createElement('li');
			item.textContent = /^data: (.*)$/m.exec(block)?.[1] ?? '';
			events.append(item);
		}
	}
	return events.children.length;
}

function fill(key, value) {
	byId('key').value = key;
	byId('value').value = value;
	byId('value').focus();
}

// An action gets its form and the control that was used. It does its work,
// and resolves to an answer and what to say about it.
const actions = {
	async set(form) {
		const answer = await call('PUT', valuePath(form), typed(form));
		return {answer, say: `Stored ${form.elements.key.value}.`};
	},
	async get(form) {
		const answer = await call('GET', valuePath(form));
		return {answer, say: `${form.elements.key.value} is ${JSON.stringify(answer.data)}`};
	},
	async increment(form) {
		const by = form.elements.value?.value.trim() || '1';
		const answer = await call('POST', `${valuePath(form)}/increment?by=${encodeURIComponent(by)}`);
		return {answer, say: `${form.elements.key.value} is ${JSON.stringify(answer.data.value)}.`};
	},
	async append(form) {
		const answer = await call('POST', `${valuePath(form)}/append`, typed(form));
		return {answer, say: `${form.elements.key.value} is ${JSON.stringify(answer.data.value)}.`};
	},
	async delete(form) {
		const answer = await call('DELETE', valuePath(form));
		return {answer, say: `${form.elements.key.value} is gone.`};
	},
	edit(_, control) {
		const row = control.closest('tr');
		fill(row.dataset.key, row.querySelector('.json').textContent);
	},
	'append-to'(_, control) {
		fill(control.closest('tr').dataset.key, '');
	},

	async login(form) {
		const answer = await call('POST', '/api/login', json({user: form.elements.user.value}));
		byId('token').value = '';
		return {answer, say: 'Welcome. Your session has a new id and a new CSRF token.'};
	},
	async logout() {
		const answer = await call('POST', '/api/logout');
		byId('token').value = '';
		return {answer, say: 'Your session has ended, and its key is deleted.'};
	},
	async renew() {
		const answer = await call('POST', '/api/renew');
		return {answer, say: answer.commands > 1 ? 'Your session has a new id; the old one is dead.' : 'There is no session to renew yet.'};
	},
	async timeout(form) {
		const answer = await call('PUT', '/api/timeout', json({seconds: Number(form.elements.seconds.value)}));
		return {answer, say: 'This session now has a time-out of its own.'};
	},

	async flash(form) {
		const {message, queue, allow_duplicate: duplicate} = form.elements;
		const answer = await call('POST', '/api/flash',
			json({message: message.value, queue: queue.value, allow_duplicate: duplicate.checked}));
		return {answer, say: 'Added. Peek or pop it here, or load the page again.'};
	},
	async peek(form) {
		const answer = await call('GET', queuePath(form));
		return {answer, say: list(answer.data.messages)};
	},
	async pop(form) {
		const answer = await call('DELETE', queuePath(form));
		return {answer, say: list(answer.data.messages)};
	},

	async token() {
		const answer = await call('GET', '/api/csrf');
		byId('token').value = answer.data.token;
		return {answer, say: 'This is the session’s token.'};
	},
	async 'new-token'() {
		const answer = await call('POST', '/api/csrf');
		byId('token').value = answer.data.token;
		return {answer, say: 'The session has a new token; the old one is refused from now on.'};
	},
	async protected(form) {
		const answer = await call('POST', '/api/protected', {headers: {'X-CSRF-Token': form.elements.token.value}});
		return {answer, say: 'Accepted: the token is right.'};
	},
	async 'wrong-token'() {
		const answer = await call('POST', '/api/protected', {headers: {'X-CSRF-Token': 'a-wrong-token'}});
		return {answer, say: 'Accepted, although the token is wrong!'};
	},

	async stream(_, control) {
		const answer = await call('GET', control.getAttribute('href'), {stream: true});
		return {answer, say: `${await readEvents(answer)} events received; the session was saved before the first.`};
	},
	async late() {
		const answer = await call('GET', '/api/late');
		return {answer, say: 'The answer came first; the value “late” was saved after it.'};
	},
	async health() {
		const answer = await call('GET', '/healthz');
		return {answer, say: `The store says: ${answer.data.store}.`};
	},

	race: () => commandsOf(races.increments),
	'race-keys': () => commandsOf(races.keys),
};

const untouched = new Set(['edit', 'append-to', 'health']);

async function run(name, form, control) {
	if (control.getAttribute('aria-busy') === 'true') {
		return;
	}
	control.setAttribute('aria-busy', 'true');
	const result = byId(`${form?.id}-result`) ?? control.closest('section').querySelector('.result');
	const tell = (what, failed, answer) => {
		result.classList.toggle('failed', failed);
		result.replaceChildren(what);
		if (answer) {
			const cost = document.createElement('small');
			cost.textContent = plural(answer.commands, 'store command');
			result.append(' ', cost);
			showCost(answer, `for “${control.textContent.trim()}”`);
		}
	};
	try {
		if (name.startsWith('race')) {
			tell('Running…', false);
		}
		const done = await actions[name](form, control);
		if (done) {
			tell(done.say, false, done.answer);
		}
	} catch (error) {
		if (!(error instanceof Failure)) {
			throw error;
		}
		if (error.status) {
			tell(`${error.status}: ${error.message}`, true, error);
		} else {
			tell(error.message, true);
		}
	} finally {
		control.removeAttribute('aria-busy');
	}
	if (!untouched.has(name)) {
		await refresh().catch(error => tell(error.message, true));
	}
}

document.addEventListener('submit', event => {
	const control = event.submitter ?? event.target.querySelector('[data-do]');
	const name = control?.dataset.do;
	if (name in actions) {
		event.preventDefault();
		run(name, event.target, control);
	}
});

document.addEventListener('click', event => {
	const control = event.target.closest('a[data-do], button[type=button][data-do]');
	if (control && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
		event.preventDefault();
		run(control.dataset.do, control.form ?? null, control);
	}
});

byId('origin').textContent = location.origin;
document.documentElement.classList.add('scripted');
start();
