/**
 * The operator's token: asked for when the listener wants one, kept for this tab only.
 *
 * @module
 */
import { type Signal, signal } from '@preact/signals';
import { AdminRequestError } from './admin-transport.ts';

/** Where the token is kept; the tab's session storage, which is gone when the tab closes. */
export interface TokenStore {
  read(): string | null;
  /** @param token - `null` forgets. */
  write(token: string | null): void;
}

/** A dialog to show: why the token is needed, and where the answer goes. */
export interface TokenQuestion {
  /** Why the previous token was refused; `null` on the first time. */
  readonly refusal: string | null;
  /** @param token - `null` when the operator would rather not. */
  readonly answer: (token: string | null) => void;
}

/** The operator closed the dialog without a token. */
export class NoTokenError extends Error {
  override readonly name = 'NoTokenError';
}

export class Access {
  readonly question: Signal<TokenQuestion | null> = signal(null);
  private readonly store: TokenStore;
  private readonly wrongTokenStatus: 401 | 403;
  /** Shared by everybody who waits for the same token. */
  private pending: Promise<void> | null = null;

  /** @param wrongTokenStatus - How the daemon refuses a token that it does not know. */
  constructor(store: TokenStore, wrongTokenStatus: 401 | 403 = 403) {
    this.store = store;
    this.wrongTokenStatus = wrongTokenStatus;
  }

  get token(): string | null {
    return this.store.read();
  }

  /**
   * Runs `action`, asking for the token as often as it is missing or wrong.
   *
   * @throws {NoTokenError} The operator gave none.
   * @throws {AdminRequestError} Refused for a reason that another token does not change.
   */
  async run<T>(action: () => Promise<T>): Promise<T> {
    let refusal: string | null = null;
    for (;;) {
      try {
        return await action();
      } catch (error) {
        if (!(error instanceof AdminRequestError)) throw error;
        if (error.status === this.wrongTokenStatus && this.token !== null) {
          // Without a token the next answer tells whether another one would help.
          refusal = error.message;
          this.store.write(null);
        } else if (error.status === 401) {
          await this.ask(refusal);
        } else {
          throw error;
        }
      }
    }
  }

  /** Forgets the token: the next question to the daemon asks for one. */
  forget(): void {
    this.store.write(null);
  }

  private ask(refusal: string | null): Promise<void> {
    this.pending ??= new Promise<void>((resolve, reject) => {
      const answer = (token: string | null): void => {
        this.pending = null;
        this.question.value = null;
        if (token === null) {
          reject(new NoTokenError('this needs the token of the statistics listener'));
          return;
        }
        this.store.write(token);
        resolve();
      };
      this.question.value = { refusal, answer };
    });
    return this.pending;
  }
}

/** The token of this tab. Where storage is switched off, it lives as long as the page. */
export function sessionTokenStore(storage: () => Storage = () => sessionStorage): TokenStore {
  const KEY = 'balancer-token';
  let fallback: string | null = null;
  return {
    read() {
      try {
        return storage().getItem(KEY);
      } catch {
        return fallback;
      }
    },
    write(token) {
      fallback = token;
      try {
        if (token === null) storage().removeItem(KEY);
        else storage().setItem(KEY, token);
      } catch {
        // Switched off by the user: the fallback has it.
      }
    },
  };
}
