/**
 * The script of the page of simulations.
 *
 * @module
 */
import { render } from 'preact';
import { sessionTokenStore } from '../access.ts';
import '../style.css';
import '../style/simulations.css';
import { LiveBoard } from './board.ts';
import { SimulationClient } from './client.ts';
import { Page } from './page.tsx';

const root = document.querySelector<HTMLElement>('#app');
if (!root) throw new Error('the page has no #app');

// The token came behind the # of the address, which no server sees; it does not stay there.
const tokens = sessionTokenStore();
const given = /^#token=(.+)$/.exec(location.hash)?.[1];
if (given !== undefined) {
  tokens.write(given);
  history.replaceState(null, '', location.pathname);
}

const board = new LiveBoard();
const client = new SimulationClient(() => tokens.read());
board.start();
document.body.className = 'console simulations';
root.replaceChildren();
render(<Page board={board} client={client} />, root);
