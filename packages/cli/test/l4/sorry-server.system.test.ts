/** A service on the packet plane whose servers are lost, and come back. */
import { expect, test } from 'vitest';
import { Lab } from '../../../../examples/l4-netns/lab.ts';
import { ADDRESSES, serverAddress } from '../../../../examples/l4-netns/network.ts';

const NO_ROOT = process.getuid?.() === 0 ? '' : ' (skipped: needs root for network namespaces)';

test.skipIf(NO_ROOT !== '')(
  `new flows go to the sorry server while the quorum is lost, and back to the servers after that${NO_ROOT}`,
  async () => {
    const lab = new Lab();
    try {
      lab.network.prepareServers('fnat');
      await lab.startServers([8080]);
      lab.configure(`${lab.settings()}
[frontends.web]
listen_addr = "${ADDRESSES.service[4]}:80"
mode = "fnat"
backend = "web"
l4 = { local_addresses = ["${ADDRESSES.local[4]}"] }
${lab.backend('web', 4, 8080, [1, 2])}
quorum = 2
sorry_server = "${serverAddress(3, 4)}:8080"
`);
      await lab.startBalancer();
      const counted = await lab.request({ count: 4 });
      expect(counted.servers).toEqual({ 'server-1': 2, 'server-2': 2 });

      lab.network.setServerLink(1, false);
      await lab.saysInLog(/"msg":"packet plane: quorum lost"/);
      expect((await lab.request({ count: 4 })).servers).toEqual({ 'server-3': 4 });

      lab.network.setServerLink(1, true);
      await lab.saysInLog(/"msg":"packet plane: quorum held"/);
      const back = await lab.request({ count: 4 });
      expect(back.servers).toEqual({ 'server-1': 2, 'server-2': 2 });
    } finally {
      await lab.close();
    }
  },
);
