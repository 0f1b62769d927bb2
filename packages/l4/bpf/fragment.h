/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Packets in fragments. The first fragment has the ports and is handled as a packet; its ports are kept
 * for those that follow, which go where it went with only their addresses rewritten: the checksum over the
 * whole is in the first one. A fragment that overtakes the first is lost, as in LVS.
 */
#ifndef BALANCER_L4_FRAGMENT_H
#define BALANCER_L4_FRAGMENT_H

#include "flow.h"
#include "output.h"
#include "parse.h"

/* How long fragments of a packet may be apart; their numbers come round again. */
#define FRAGMENTS_APART_S 5

static __always_inline void fragment_key(const struct packet *p, struct l4_frag_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->src = p->key.src;
	key->dst = p->key.dst;
	key->id = p->fragment_id;
	key->protocol = p->key.protocol;
}

/* Keeps the ports of a first fragment. */
__noinline int keep_ports(const struct packet *p)
{
	struct l4_frag ports = {};
	struct l4_frag_key key;

	if (!p)
		return 0;
	fragment_key(p, &key);
	ports.sport = p->key.sport;
	ports.dport = p->key.dport;
	ports.seen_s = now_ns() / NS_PER_S;
	bpf_map_update_elem(&l4_frag, &key, &ports, BPF_ANY);
	return 0;
}

/* Gives a later fragment the ports of its first. One that came without it is no business of ours unless it
 * is for one of our addresses, or a rule may match it. Returns PARSED or PARSE_PASS; p->reason is set when it is to
 * be dropped. */
__noinline int recall_ports(struct packet *p)
{
	struct l4_config *cfg = config();
	struct l4_vip_key owned = {};
	struct l4_frag_key key;
	struct l4_frag *ports;

	if (!p || !cfg)
		return PARSE_PASS;
	fragment_key(p, &key);
	ports = bpf_map_lookup_elem(&l4_frag, &key);
	if (ports && (__u32)(now_ns() / NS_PER_S) - ports->seen_s <= FRAGMENTS_APART_S) {
		p->key.sport = ports->sport;
		p->key.dport = ports->dport;
		return PARSED;
	}
	owned.address = p->key.dst;
	if (!bpf_map_lookup_elem(&l4_vip, &owned)) {
		p->key.sport = 0;
		p->key.dport = 0;
		return unlikely(cfg->flags & L4_CFG_MATCH) ? PARSED : PARSE_PASS;
	}
	/* The kernel puts those together that are for itself. */
	if (is_icmp(p->key.protocol))
		return PARSE_PASS;
	p->reason = L4_DROP_FRAG_MISS;
	return PARSED;
}

#endif
