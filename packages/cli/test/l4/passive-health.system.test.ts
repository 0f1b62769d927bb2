/**
 * `dest_check`: a server whose port is closed, although its health check answers, gets no new flows.
 */
import { describe, expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES, serverAddress } from '../../../../examples/l4-netns/network.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';

describe(`servers that refuse flows${NO_ROOT}`, () => {
  test.skipIf(NO_ROOT !== '')('get no new ones for a minute after the first', async () => {
    await using lab = new Lab();
    lab.network.prepareServers('fnat');
    await lab.startServers([8080]);
    lab.configure(`${lab.settings('tc')}
[frontends.web]
listen_addr = "${ADDRESSES.service[4]}:80"
mode = "fnat"
backend = "web"
[frontends.web.l4]
local_addresses = ["${ADDRESSES.local[4]}"]
dest_check = { inhibit_min = "1m" }
[backends.web]
balance = "lvs:rr"
health_check_interval = "200ms"
health = { port = 8080, rise = 1, timeout = "1s", fast_interval = "100ms" }
servers.closed = { addr = "${serverAddress(1, 4)}:8099" }
servers.open = { addr = "${serverAddress(2, 4)}:8080" }
`);
    await lab.startBalancer();
    // In turn: a third request might come after the second that inhibits, or before it.
    const refused = await lab.request({ count: 2 });
    expect(refused).toMatchObject({ failed: 1, servers: { 'server-2': 1 } });
    await lab.saysInLog(/10\.0\.0\.11:8099.*left flows unanswered/);
    const spared = await lab.request({ count: 4 });
    expect(spared).toMatchObject({ failed: 0, servers: { 'server-2': 4 } });
    const { stdout: listed } = await lab.ipvsadm(['-Ln']);
    expect(listed.match(/^.* inhibited$/gm)).toEqual([expect.stringContaining('10.0.0.11:8099')]);
    const { stdout } = await lab.ipvsadm(['-Sn']);
    expect(stdout).toContain('--dest-check 1,1,3s,60-3600s');
  });
});
