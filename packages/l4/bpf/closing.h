/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Ending flows on the control plane's behalf. What has no connection to reset is forgotten at once; connections are
 * marked, in both entries, and end at their next segment (close.h), so that both ends learn of it.
 */
#ifndef BALANCER_L4_CLOSING_H
#define BALANCER_L4_CLOSING_H

#include "flow.h"

/* In and out of a run of lb_close. */
struct l4_closing {
	struct l4_flow_key key; /* of one flow, as its client's packets have it, */
	__u32 backend; /* or whose flows end; 0 = none */
	__u32 closed; /* flows */
};

/* Whether there is somebody who wants to know of a flow's end. */
static __always_inline int is_connected(const struct l4_flow_key *key, const struct l4_flow *flow)
{
	return key->protocol == IPPROTO_TCP && flow->state != L4_CLOSE && flow->state != L4_TIME_WAIT;
}

/* Marks an entry; packets of other CPUs write to its neighbouring bytes meanwhile. */
static __always_inline void mark_entry(struct l4_flow *flow)
{
	__sync_fetch_and_or((__u32 *)&flow->seen, L4_SEEN_RESET_NEXT);
	set_flags(flow, L4_FLOW_SPECIAL);
}

/* Ends a flow, given its client's entry. Returns how many flows ended. */
static __noinline int close_flow(const struct l4_flow_key *key, struct l4_flow *flow)
{
	struct l4_flow_key peer_key;
	struct flow_summary summary;
	int marks = is_connected(key, flow);
	struct l4_flow *peer = NULL;

	if (marks && flow->seen & L4_SEEN_RESET_NEXT)
		return 0;
	if (has_peer(flow)) {
		flow_peer_key(flow, key->protocol, &peer_key);
		peer = bpf_map_lookup_elem(&l4_ct, &peer_key);
	}
	if (marks) {
		mark_entry(flow);
		if (peer)
			mark_entry(peer);
		return 1;
	}
	summarise(flow, key, &summary);
	if (bpf_map_delete_elem(&l4_ct, key))
		return 0;
	if (peer)
		bpf_map_delete_elem(&l4_ct, &peer_key);
	count_removed(&summary);
	return 1;
}

static long close_of_backend(void *map, const struct l4_flow_key *key, struct l4_flow *flow,
			     struct l4_closing *closing)
{
	if (flow->backend == closing->backend && flow->dir == L4_DIR_IN)
		closing->closed += close_flow(key, flow);
	return 0;
}

/* Ends one flow, or all of a backend. */
static __always_inline void close_flows(struct l4_closing *closing)
{
	struct l4_flow *flow;

	if (closing->backend) {
		bpf_for_each_map_elem(&l4_ct, close_of_backend, closing, 0);
		return;
	}
	flow = bpf_map_lookup_elem(&l4_ct, &closing->key);
	if (flow && flow->dir == L4_DIR_IN)
		closing->closed = close_flow(&closing->key, flow);
}

#endif
