/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Rules for packets that go out: hosts behind us have no service to send to, so what they send is told by
 * protocol, addresses, ports and interfaces. Rules are tried in their order, for packets that open a flow and
 * whose destination is no address of ours.
 */
#ifndef BALANCER_L4_MATCH_H
#define BALANCER_L4_MATCH_H

#include "hash.h"
#include "output.h"

/* Rules in the order in which they are tried, as one map so that packets never meet half a change. */
struct l4_rules {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP);
	__type(key, __u32);
	__type(value, struct l4_match);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct l4_rules);
} l4_match SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct l4_match_filter);
} l4_match_filter SEC(".maps");

/* Whether a rule may match a packet with neither address of ours: one bit per network of sources. */
__noinline int may_match(const struct packet *p)
{
	struct l4_match_filter *filter;
	__u32 zero = 0, bit;

	filter = bpf_map_lookup_elem(&l4_match_filter, &zero);
	if (!p || !filter)
		return 0;
	if (p->family == 4) {
		bit = bpf_ntohl(p->key.src.words[3]) >> 16;
		return filter->words4[bit >> 6] >> (bit & 63) & 1;
	}
	bit = p->key.src.words[0] * 0x9e3779b1 >> 16;
	return filter->words6[bit >> 6] >> (bit & 63) & 1;
}

/* Whether an address lies between two others, both included, in the order of their bytes. */
static __always_inline int is_between(const struct addr16 *address, const struct addr16 *first,
				      const struct addr16 *last)
{
	int above = 0, below = 0, i;

#pragma unroll
	for (i = 0; i < 4; i++) {
		__u32 word = bpf_ntohl(address->words[i]);

		/* The first word that differs decides. */
		if (!above) {
			if (word < bpf_ntohl(first->words[i]))
				return 0;
			above = word > bpf_ntohl(first->words[i]);
		}
		if (!below) {
			if (word > bpf_ntohl(last->words[i]))
				return 0;
			below = word < bpf_ntohl(last->words[i]);
		}
	}
	return 1;
}

/* Whether a rule is for a packet, whatever interface that will leave by. Later fragments have no ports, so that
 * those of every port are taken for the rule's. */
__noinline int rule_is_for(const struct l4_match *rule, const struct packet *p)
{
	__u16 sport, dport;

	if (!rule || !p)
		return 0;
	if (rule->is_leaving || rule->protocol != p->key.protocol || rule->family != p->family ||
	    (rule->iif && rule->iif != p->ifindex) ||
	    !is_between(&p->key.src, &rule->src_first, &rule->src_last) ||
	    !is_between(&p->key.dst, &rule->dst_first, &rule->dst_last))
		return 0;
	if (is_icmp(p->key.protocol) || p->fragment == FRAGMENT_LATER)
		return 1;
	sport = bpf_ntohs(p->key.sport);
	dport = bpf_ntohs(p->key.dport);
	return sport >= rule->sport_first && sport <= rule->sport_last &&
	       dport >= rule->dport_first && dport <= rule->dport_last;
}

/* The interface by which the kernel would forward a packet; 0 for one that it would not, as those to this host
 * itself, and those without a route, whose senders it tells. */
__noinline int route_interface(ctx_t *ctx, struct packet *p)
{
	struct route_answer *answer = route_answer();
	int reason;

	if (!p || !answer)
		return 0;
	/* Size does not matter yet. */
	p->route.bytes = 0;
	p->route.overhead = 0;
	p->route.on_link = 0;
	reason = find_route(ctx, p, &p->key.src, &p->key.dst);
	return !reason || reason == L4_DROP_TOO_BIG ? answer->fib.ifindex : 0;
}

struct rule_walk {
	ctx_t *ctx;
	struct packet *p;
	void *rules;
	__u32 service;
	__u32 oif; /* of the packet, once it was asked for */
};

static long try_rule(__u32 index, struct rule_walk *walk)
{
	__u32 key = index;
	struct l4_match *rule = bpf_map_lookup_elem(walk->rules, &key);

	if (!rule)
		return 1;
	if (!rule_is_for(rule, walk->p))
		return 0;
	if (!walk->oif)
		walk->oif = route_interface(walk->ctx, walk->p);
	if (!walk->oif)
		return 1;
	if (rule->oif && rule->oif != walk->oif)
		return 0;
	walk->service = rule->service;
	return 1;
}

/* The service of the first rule that matches a packet, NO_SERVICE when none does. */
__noinline int match_service(ctx_t *ctx, struct packet *p)
{
	struct rule_walk walk = { .service = NO_SERVICE };
	__u32 zero = 0;

	if (!p || p->is_echo_reply)
		return NO_SERVICE;
	walk.ctx = ctx;
	walk.p = p;
	walk.rules = bpf_map_lookup_elem(&l4_match, &zero);
	if (!walk.rules)
		return NO_SERVICE;
	bpf_loop(L4_MAX_MATCHES, try_rule, &walk, 0);
	return walk.service;
}

#endif
