// What the page shows of the session, kept up to date.

import {call, plural} from './api.js';

const byId = id => document.getElementById(id);
const card = byId('session');
const session = {
	isNew: card.dataset.new === 'true',
	created: Number(card.dataset.created),
	timeout: Number(card.dataset.timeout),
	lifetime: Number(card.dataset.lifetime),
	used: Date.now(),
};
let asked = 0;

// refresh asks for the session and shows it.
export async function refresh() {
	const turn = ++asked;
	const {data} = await call('GET', '/api/session');
	if (turn !== asked) {
		return data; // a later answer is on its way
	}
	Object.assign(session, {isNew: data.new, created: data.created, timeout: data.timeout, used: Date.now()});
	byId('session-title').textContent = data.new ? 'You are new here' : 'You have a session';
	showText();
	byId('user').textContent = data.user ?? 'not logged in';
	showRows(data.values);
	tick();
	return data;
}

// showCost tells what the last action cost.
export function showCost({commands}, what) {
	byId('cost').textContent = plural(commands, 'store command');
	byId('cost-of').textContent = what;
}

function showText() {
	const text = byId('session-text');
	if (session.isNew) {
		text.textContent = 'Nothing is stored for you: no key in the store, no cookie in your browser. Both come with the first value.';
		return;
	}
	const begun = new Date(session.created * 1000);
	const time = document.createElement('time');
	time.dateTime = begun.toISOString();
	time.textContent = begun.toLocaleString(undefined, {dateStyle: 'medium', timeStyle: 'medium'});
	text.replaceChildren('Begun ', time, '. It holds what you see below.');
}

function showRows(values) {
	const rows = byId('rows');
	const keys = Object.keys(values).sort();
	const focused = document.activeElement;
	for (const row of [...rows.rows]) {
		if (!Object.hasOwn(values, row.dataset.key)) {
			row.remove();
		}
	}
	keys.forEach((key, i) => {
		let row = rows.rows[i];
		if (row?.dataset.key !== key) {
			row = newRow(key);
			rows.insertBefore(row, rows.rows[i] ?? null);
		}
		const cell = row.querySelector('.json');
		const text = JSON.stringify(values[key]);
		if (cell.textContent !== text) {
			cell.textContent = text;
			row.classList.remove('changed');
			void row.offsetWidth; // so that the animation begins again
			row.classList.add('changed');
		}
		row.querySelector('[data-for=integer]').hidden = !Number.isInteger(values[key]);
		row.querySelector('[data-for=list]').hidden = !Array.isArray(values[key]);
	});
	byId('values-box').hidden = keys.length === 0;
	byId('no-values').hidden = keys.length > 0;
	if (focused !== document.body && !focused?.isConnected) {
		byId('values-title').focus(); // the row that had the focus is gone
	}
}

function newRow(key) {
	const row = byId('row').content.firstElementChild.cloneNode(true);
	row.dataset.key = key;
	row.querySelector('th code').textContent = key;
	for (const field of row.querySelectorAll('input[name=key]')) {
		field.value = key;
	}
	for (const control of row.querySelectorAll('[aria-label]')) {
		control.setAttribute('aria-label', control.getAttribute('aria-label').trim() + ' ' + key);
	}
	return row;
}

// tick shows what is left of the session's two times.
function tick() {
	const now = Date.now();
	const left = (id, total, end, none, fresh) => {
		const bar = byId(`${id}-bar`);
		bar.hidden = session.isNew || !total;
		if (!total || session.isNew) {
			byId(id).textContent = total ? fresh : none;
			return;
		}
		const seconds = Math.max(0, (end - now) / 1000);
		bar.max = total;
		bar.value = Math.min(seconds, total);
		byId(id).textContent = seconds > 0 ? `${span(Math.ceil(seconds))} left` : 'over: the next request begins anew';
	};
	left('idle', session.timeout, session.used + session.timeout * 1000, 'none', `${span(session.timeout)} after the last use`);
	left('life', session.lifetime, (session.created + session.lifetime) * 1000, 'no limit', `${span(session.lifetime)} from its beginning`);
}

// span is a duration in its two largest units.
function span(seconds) {
	if (seconds < 1) {
		return `${Math.round(seconds * 1000)} ms`;
	}
	let rest = Math.round(seconds);
	const parts = [];
	for (const [from, size, name] of [[2 * 86400, 86400, 'd'], [3600, 3600, 'h'], [60, 60, 'min'], [1, 1, 's']]) {
		if (rest >= from && parts.length < 2) {
			parts.push(`${Math.floor(rest / size)} ${name}`);
			rest %= size;
		} else if (parts.length > 0) {
			break;
		}
	}
	return parts.join(' ');
}

export function start() {
	if (!session.isNew) {
		showText();
	}
	tick();
	setInterval(tick, 1000);
}
