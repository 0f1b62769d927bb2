// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Counts the packets and bytes that an interface receives, by protocol, and lets them pass. */
#include "include/bpf.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd

struct ethernet_header {
	__u8 destination[6];
	__u8 source[6];
	__be16 protocol;
};

struct counter {
	__u64 packets;
	__u64 bytes;
};

/* Key: IP protocol number, or 0 for what is not IP. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct counter);
} counters SEC(".maps");

/* The protocol of an IP packet, or 0. IPv6 extension headers count as themselves. */
static __always_inline __u32 ip_protocol(void *data, void *end)
{
	struct ethernet_header *eth = data;
	__u8 *ip = (void *)(eth + 1);

	/* 20 bytes hold both protocol fields: offset 9 in IPv4, 6 in IPv6. */
	if ((void *)(ip + 20) > end)
		return 0;
	if (eth->protocol == bpf_htons(ETH_P_IP))
		return ip[9];
	if (eth->protocol == bpf_htons(ETH_P_IPV6))
		return ip[6];
	return 0;
}

SEC("xdp")
int count_packets(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 protocol = ip_protocol(data, end);
	struct counter *counter = bpf_map_lookup_elem(&counters, &protocol);

	if (counter) {
		counter->packets++;
		counter->bytes += end - data;
	}
	return XDP_PASS;
}

char program_license[] SEC("license") = "Dual MIT/GPL";
