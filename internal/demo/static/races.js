// Requests that overlap, and proof that none is lost.

import {call} from './api.js';

const hold = 'hold=250ms';
const cells = document.getElementById('cells');

function showCells(texts) {
	cells.hidden = false;
	cells.replaceChildren(...texts.map(text => {
		const cell = document.createElement('li');
		cell.textContent = text;
		return cell;
	}));
}

// fire sends all requests at once, and fills a cell with each answer as it
// arrives. It resolves to the answers that did not fail.
async function fire(count, request, label) {
	let arrived = 0;
	const answers = await Promise.all(Array.from({length: count}, async (_, i) => {
		try {
			const {data} = await request(i);
			const cell = cells.children[label ? i : arrived++];
			cell.textContent = label ? label(i) : data.value;
			cell.className = 'done';
			return {data};
		} catch {
			const cell = cells.children[label ? i : arrived++];
			cell.textContent = '✕';
			cell.className = 'failed';
			return null;
		}
	}));
	return answers.filter(Boolean);
}

// increments adds one, fifty times, to one value.
export async function increments() {
	const count = 50;
	await call('PUT', '/api/values/race', {body: '0'}); // all must belong to one session
	showCells(Array(count).fill('·'));
	const answers = await fire(count, () => call('POST', `/api/values/race/increment?${hold}`));
	const different = new Set(answers.map(({data}) => data.value)).size;
	const {data: total} = await call('GET', '/api/values/race');
	const verdict = total === count && different === count ? 'None was lost.' : 'Something was lost!';
	return `${total} of ${count} increments counted, with ${different} different answers. ${verdict}`;
}

// keys sets twenty values, and takes them away again.
export async function keys() {
	const count = 20;
	const names = Array.from({length: count}, (_, i) => `race-${String(i + 1).padStart(2, '0')}`);
	await call('GET', '/api/csrf'); // makes a session if there is none
	showCells(names.map((_, i) => String(i + 1)));
	await fire(count, i => call('PUT', `/api/values/${names[i]}?${hold}`, {body: String(i)}), i => String(i + 1));
	const {data} = await call('GET', '/api/session');
	const kept = names.filter((name, i) => data.values[name] === i).length;
	await Promise.all(names.map(name => call('DELETE', `/api/values/${name}`)));
	const verdict = kept === count ? 'None was lost.' : 'Something was lost!';
	return `${kept} of ${count} values were kept, and cleared away again. ${verdict}`;
}
