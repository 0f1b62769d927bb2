/**
 * Puts the gateway's page into the browser's document.
 *
 * @module
 */
import { render } from 'preact';
import { GatewayContext, GatewayDashboard, type GatewayPageOptions, VIEWS } from './context.ts';
import { GatewayPage } from './page.tsx';

/** The address after the hash names the part that is open, so that it can be kept and sent. */
export interface PageAddress {
  readonly hash: () => string;
  readonly onChange: (listener: () => void) => void;
}

/** Shows the page in `root`, and asks the gateway from now on. */
export function mountGateway(
  root: HTMLElement,
  { address, ...options }: Omit<GatewayPageOptions, 'view'> & { readonly address: PageAddress },
): GatewayDashboard {
  const viewOf = (): (typeof VIEWS)[number] =>
    VIEWS.find((view) => `#${view}` === address.hash()) ?? 'servers';
  const dashboard = new GatewayDashboard({ ...options, view: viewOf() });
  address.onChange(() => dashboard.open(viewOf()));
  root.replaceChildren();
  document.body.className = 'console';
  render(
    <GatewayContext.Provider value={dashboard}>
      <GatewayPage />
    </GatewayContext.Provider>,
    root,
  );
  dashboard.live.start();
  return dashboard;
}
