/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Counting drops, and telling the control plane about those that an operator can mend. */
#ifndef BALANCER_L4_REPORT_H
#define BALANCER_L4_REPORT_H

#include "flow.h"

#define BPF_RB_NO_WAKEUP 1

/* Drops that say something about our set-up, not about what clients send. */
#define REPORTED_DROPS                                                                              \
	(1ULL << L4_DROP_NO_BACKEND | 1ULL << L4_DROP_NO_PORT | 1ULL << L4_DROP_FLOOD |             \
	 1ULL << L4_DROP_CT_FULL | 1ULL << L4_DROP_NO_ROUTE | 1ULL << L4_DROP_FWD_DISABLED |        \
	 1ULL << L4_DROP_NOT_ONLINK | 1ULL << L4_DROP_TOO_BIG | 1ULL << L4_DROP_ENCAP_FAIL |        \
	 1ULL << L4_DROP_HELPER_ERROR | 1ULL << L4_DROP_LIMIT)

/* Place of a kind of event in l4_last: drops by reason, and next hops that are not resolved. */
#define KIND_NEIGHBOUR 0

/* The record to fill for an event of a kind, or NULL when one was reported less than a second ago. */
static __always_inline struct l4_event *event_due(const struct packet *p, __u32 type, __u32 kind)
{
	struct l4_last_event *last = bpf_map_lookup_elem(&l4_last, &kind);
	__u64 now = now_ns();
	struct l4_event *event;

	if (!last)
		return NULL;
	event = &last->event;
	if (event->ns && now - event->ns < NS_PER_S) {
		last->suppressed++;
		return NULL;
	}
	event->type = type;
	event->len = sizeof(*event);
	event->ns = now;
	event->service = p->service;
	event->suppressed = last->suppressed;
	event->family = p->family;
	event->cpu = bpf_get_smp_processor_id();
	last->suppressed = 0;
	return event;
}

/* The control plane polls; waking nobody keeps the cost of an event away from the packet. */
static __always_inline void send_event(struct l4_event *event)
{
	bpf_ringbuf_output(&l4_events, event, sizeof(*event), BPF_RB_NO_WAKEUP);
}

__noinline int report_neighbour(const struct packet *p, const struct bpf_fib_lookup *fib)
{
	struct l4_event *event;

	if (!p || !fib)
		return 0;
	event = event_due(p, L4_EVENT_NEIGHBOUR, KIND_NEIGHBOUR);
	if (!event)
		return 0;
	event->reason = 0;
	event->ifindex = fib->ifindex;
	__builtin_memset(&event->src, 0, sizeof(event->src));
	if (fib->family == AF_INET)
		set_v4(&event->dst, fib->ipv4_dst);
	else
		__builtin_memcpy(&event->dst, fib->ipv6_dst, sizeof(event->dst));
	event->sport = 0;
	event->dport = 0;
	event->protocol = 0;
	send_event(event);
	return 0;
}

static __always_inline void count_reason(__u32 reason, __u32 bytes)
{
	struct l4_drops *drops = bpf_map_lookup_elem(&l4_drop, &reason);

	if (!drops)
		return;
	drops->packets++;
	drops->bytes += bytes;
}

/* Counts a packet that is dropped, or answered, instead of forwarded. */
__noinline int count_drop(const struct packet *p, __u32 bytes)
{
	struct l4_event *event;
	__u32 reason;

	if (!p)
		return 0;
	reason = p->reason;
	count_reason(reason, bytes);
	if (!(REPORTED_DROPS >> (reason & 63) & 1))
		return 0;
	event = event_due(p, L4_EVENT_DROP, reason);
	if (!event)
		return 0;
	event->reason = reason;
	event->ifindex = p->ifindex;
	event->src = p->key.src;
	event->dst = p->key.dst;
	event->sport = p->key.sport;
	event->dport = p->key.dport;
	event->protocol = p->key.protocol;
	send_event(event);
	return 0;
}

#endif
