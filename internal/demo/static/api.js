// Calls of the JSON API. Each is written down in the table of recent requests.

const keptRequests = 12;

let commandsSent = 0;

// commandsOf resolves to what work returns, and to what all calls in it cost.
export async function commandsOf(work) {
	const before = commandsSent;
	return {say: await work(), answer: {commands: commandsSent - before}};
}

export class Failure extends Error {}

// call resolves to {status, commands, data, body}; body is the stream if asked
// for. It throws a Failure with the server's own words.
export async function call(method, path, {body, headers, stream = false} = {}) {
	const began = performance.now();
	let response;
	try {
		response = await fetch(path, {method, body, headers});
	} catch {
		throw new Failure('The server does not answer.');
	}
	const commands = Number(response.headers.get('X-Store-Commands'));
	commandsSent += commands;
	const answer = {status: response.status, commands, millis: performance.now() - began};
	record(method, path, answer);
	if (stream && response.ok) {
		return {...answer, body: response.body};
	}
	const text = await response.text();
	const json = (response.headers.get('Content-Type') ?? '').startsWith('application/json');
	answer.data = json ? parse(text) : text;
	if (!response.ok) {
		throw Object.assign(new Failure(sentence(answer.data?.error ?? `status ${response.status}`)), answer);
	}
	return answer;
}

// parse keeps the digits of integers that are too large for a number.
export function parse(text) {
	return JSON.parse(text, (_, value, context) =>
		typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '') && JSON.rawJSON
			? JSON.rawJSON(context.source)
			: value);
}

const sentence = text => text.charAt(0).toUpperCase() + text.slice(1) + '.';

export const plural = (n, noun) => n === 1 ? `1 ${noun}` : `${n} ${noun}s`;

function record(method, path, {status, commands, millis}) {
	const rows = document.getElementById('requests');
	rows.querySelector('.empty')?.remove();
	const row = document.createElement('tr');
	row.role = 'row'; // which the layout for phones would take away
	const newCell = () => Object.assign(row.insertCell(), {role: 'cell'});
	const what = newCell();
	const name = document.createElement('b');
	name.textContent = method;
	const address = document.createElement('code');
	address.textContent = path;
	what.append(name, ' ', address);
	for (const text of [status, commands, `${millis.toFixed(1)} ms`]) {
		const cell = newCell();
		cell.className = 'number';
		cell.textContent = text;
	}
	rows.prepend(row);
	while (rows.rows.length > keptRequests) {
		rows.lastElementChild.remove();
	}
}
