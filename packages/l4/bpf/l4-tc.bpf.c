// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The data plane at the tc hook, and the helper of the XDP build: lb_neigh sends on what lb_ingress could
 * rewrite but not address, because the next hop's MAC was not known.
 */
#define L4_HOOK_TC
#include "balance.h"
#include "decap.h"

SEC("tc")
int lb_ingress(struct __sk_buff *ctx)
{
	return handle_packet(ctx);
}

SEC("tc/neigh")
int lb_neigh(struct __sk_buff *ctx)
{
	struct l4_neigh_meta *meta = (void *)(long)ctx->data_meta;
	struct bpf_redir_neigh hop = {};

	if ((void *)(meta + 1) > (void *)(long)ctx->data || meta->magic != L4_MAGIC)
		return TC_ACT_UNSPEC;
	hop.nh_family = meta->family;
	__builtin_memcpy(hop.ipv6_nh, meta->next_hop, sizeof(hop.ipv6_nh));
	return bpf_redirect_neigh(meta->ifindex, &hop, sizeof(hop), 0);
}

SEC("tc/decap")
int decap(struct __sk_buff *ctx)
{
	return decapsulate(ctx);
}

char program_license[] SEC("license") = "Dual MIT/GPL";
