/**
 * Puts the page where a server-rendered one was.
 *
 * @module
 */
import { render } from 'preact';
import { DashboardContext, type DashboardOptions, createDashboard } from './context.ts';
import { Page } from './page.tsx';

/**
 * Replaces what is in `root`, as soon as there are figures, so that the table which came with the
 * page stays until then.
 */
export async function mount(root: HTMLElement, options: DashboardOptions): Promise<void> {
  const dashboard = createDashboard(options);
  const { live } = dashboard;
  const show = (): void => {
    root.replaceChildren();
    document.querySelector('style[data-plain]')?.remove();
    document.body.className = 'console';
    render(
      <DashboardContext.Provider value={dashboard}>
        <Page />
      </DashboardContext.Provider>,
      root,
    );
  };
  // A question for the token needs the page at once.
  const stop = dashboard.access.question.subscribe((question) => {
    if (question) show();
  });
  live.start();
  await firstOutcome(dashboard);
  stop();
  if (document.body.className !== 'console') show();
}

/** Settles when the figures came, or when it is clear that they do not. */
function firstOutcome({ live }: ReturnType<typeof createDashboard>): Promise<void> {
  return new Promise((resolve) => {
    live.link.subscribe(({ state }) => {
      if (state !== 'connecting') resolve();
    });
  });
}
