// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The least a forwarding program can do, as the floor of benchmarks: swap the MAC addresses, send back. */
#include "packet.h"

SEC("xdp")
int reflect(struct xdp_md *ctx)
{
	struct eth_header *eth = (void *)(long)ctx->data;
	__u8 mac[6];

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	__builtin_memcpy(mac, eth->dst, sizeof(mac));
	__builtin_memcpy(eth->dst, eth->src, sizeof(eth->dst));
	__builtin_memcpy(eth->src, mac, sizeof(eth->src));
	return XDP_TX;
}

char program_license[] SEC("license") = "Dual MIT/GPL";
