/**
 * The script of the gateway's page.
 *
 * @module
 */
import { sessionTokenStore } from '../access.ts';
import { browserClock, browserVisibility } from '../browser.ts';
import '../style.css';
import './gateway.css';
import './narrow.css';
import { mountGateway } from './mount.tsx';

const root = document.querySelector<HTMLElement>('#app');
if (!root) throw new Error('the page has no #app');
mountGateway(root, {
  tokens: sessionTokenStore(),
  clock: browserClock,
  visibility: browserVisibility,
  address: {
    hash: () => location.hash,
    onChange: (listener) => addEventListener('hashchange', listener),
  },
});
