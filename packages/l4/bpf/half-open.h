/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A bound on flows whose handshake is not complete. Anybody can send SYNs from addresses that are not his;
 * such flows may take an eighth of the connection table, then each new one ends the oldest of them, and
 * flows that are established never have to go for them.
 */
#ifndef BALANCER_L4_HALF_OPEN_H
#define BALANCER_L4_HALF_OPEN_H

#include "report.h"
#include "track.h"

/* Places in l4_half: one for sixteen entries of the table, as a NATed flow has two. */
const volatile __u32 half_open_max = L4_MAX_HALF_OPEN;

/* Notes a flow that this packet opened, in the place of the one that is the oldest noted. That one ends
 * if its handshake is not complete even now. */
__noinline int note_half_open(const struct packet *p, __u64 created_ns)
{
	struct l4_config *cfg = config();
	struct l4_half_open oldest, *place;
	__u32 zero = 0, index, *next;
	struct l4_flow *flow;

	next = bpf_map_lookup_elem(&l4_half_next, &zero);
	if (!p || !cfg || !next || !half_open_max)
		return 0;
	index = __sync_fetch_and_add(next, 1) % half_open_max;
	place = bpf_map_lookup_elem(&l4_half, &index);
	if (!place)
		return 0;
	oldest = *place;
	place->key = p->key;
	place->created_ns = created_ns;
	/* Most are so old that they have become something else, or nothing. */
	if (created_ns - oldest.created_ns > cfg->timeouts[L4_SYN_RECV] * NS_PER_S)
		return 0;
	flow = bpf_map_lookup_elem(&l4_ct, &oldest.key);
	if (!flow || flow->created_ns != oldest.created_ns || !is_half_open(flow->state))
		return 0;
	remove_flow_at(&oldest.key, flow);
	count_reason(L4_COUNT_HALF_OPEN, 0);
	return 0;
}

#endif
