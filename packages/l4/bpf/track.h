/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Following flows: what a packet changes in its flow's entries, and their removal.
 *
 * Functions that are not static here and elsewhere are verified once and by themselves, whatever paths
 * lead to them; that is why they check pointers that are never NULL.
 */
#ifndef BALANCER_L4_TRACK_H
#define BALANCER_L4_TRACK_H

#include "flow.h"

/* Removes a flow with both its entries; @key is that of the entry given. */
static __noinline void remove_flow_at(const struct l4_flow_key *key, const struct l4_flow *flow)
{
	struct flow_summary summary;
	struct l4_flow_key peer;

	summarise(flow, key, &summary);
	if (has_peer(flow)) {
		flow_peer_key(flow, key->protocol, &peer);
		bpf_map_delete_elem(&l4_ct, &peer);
	}
	/* When that fails, someone else removed it, and counted. */
	if (!bpf_map_delete_elem(&l4_ct, key))
		count_removed(&summary);
}

__noinline int remove_flow(const struct packet *p, const struct l4_flow *flow)
{
	if (p && flow)
		remove_flow_at(&p->key, flow);
	return 0;
}

/* Notes a segment or datagram that matters in both entries of its flow. */
__noinline int change_state(const struct packet *p, struct l4_flow *flow)
{
	struct l4_flow *peer = NULL;
	struct l4_flow_key key;
	__u8 state, seen, next;
	__u64 now;

	if (!p || !flow)
		return 0;
	state = flow->state;
	seen = flow->seen;
	next = state;
	if (p->key.protocol == IPPROTO_TCP) {
		seen |= seen_bits(p->tcp_flags, flow->dir);
		next = next_state(flow, p->tcp_flags);
		flow->seen = seen;
	} else {
		next = L4_UDP;
	}
	if (next == state && !(p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)))
		return 0;
	now = now_ns();
	if (has_peer(flow)) {
		flow_peer_key(flow, p->key.protocol, &key);
		peer = bpf_map_lookup_elem(&l4_ct, &key);
	}
	if (peer) {
		peer->seen |= seen;
		peer->state = next;
		peer->last_ns = now;
	}
	flow->last_ns = now;
	if (next == state)
		return 0;
	flow->state = next;
	if (next == L4_CLOSE && flow->dir == L4_DIR_OUT && is_unanswered(state, seen))
		count_down(flow->backend);
	count_backend(flow->backend, state, next, 0);
	count_service(flow->service, state, next);
	return 0;
}

/* The bits of last_ns that hold the tick: 66 us, far below what a time-out can tell apart. They are there
 * because the state beside them is read anyway; elsewhere they would cost another cache line. */
#define TICK_BITS 0xffffULL

/* Notes that the flow lives. */
__noinline int touch_flow(struct l4_flow *flow, __u16 tick)
{
	__u64 now = now_ns(), last_ns;

	if (!flow)
		return 0;
	last_ns = flow->last_ns;
	if (now - last_ns > TOUCH_NS)
		last_ns = now;
	flow->last_ns = (last_ns & ~TICK_BITS) | tick;
	return 0;
}

/* A packet that changes nothing about its flow: most are segments of an established one, or datagrams. */
static __always_inline int is_plain(const struct packet *p, const struct l4_flow *flow)
{
	if (likely(flow->state == L4_ESTABLISHED))
		return !(p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST));
	return p->key.protocol != IPPROTO_TCP &&
	       !(flow->state == L4_UDP_ONEWAY && flow->dir == L4_DIR_OUT);
}

/* Whether a client begins anew with the tuple of a flow that is over. */
static __always_inline int reopens(const struct packet *p, const struct l4_flow *flow)
{
	return (flow->state == L4_TIME_WAIT || flow->state == L4_CLOSE) &&
	       flow->dir == L4_DIR_IN && opens_flow(p->tcp_flags);
}

/* Notes a packet in the flow it belongs to. */
static __always_inline void keep_alive(struct l4_flow *flow)
{
	__u16 tick = current_tick();

	if (unlikely((__u16)flow->last_ns != tick))
		touch_flow(flow, tick);
}

#endif
