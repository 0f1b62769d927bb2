/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Persistence: clients of a network go to the backend that its first flow got, for as long as they keep
 * coming. A template says which; it is chosen anew when its backend takes no new flows.
 */
#ifndef BALANCER_L4_TEMPLATE_H
#define BALANCER_L4_TEMPLATE_H

#include "flow.h"
#include "select.h"

/* The first length bits of an IPv6 address, 0 to 32 of them in each word. */
static __always_inline __be32 prefix_word(__be32 word, int bits)
{
	if (bits <= 0)
		return 0;
	return bits >= 32 ? word : word & bpf_htonl(0xffffffffU << (32 - bits));
}

static __always_inline void template_key(const struct packet *p, const struct l4_service *svc,
					 struct l4_template_key *key)
{
	int i;

	__builtin_memset(key, 0, sizeof(*key));
	key->client = p->key.src;
	if (p->family == 4) {
		key->client.words[3] &= svc->persist_mask4;
	} else {
#pragma unroll
		for (i = 0; i < 4; i++)
			key->client.words[i] =
				prefix_word(key->client.words[i], svc->persist_plen6 - 32 * i);
	}
	/* Hosts behind us keep their address wherever they send to. */
	key->vip = svc->flags & L4_SVC_SNAT ? svc->vip : p->key.dst;
	key->vport = svc->flags & L4_SVC_ANY_PORT ? 0 : p->key.dport;
	key->protocol = p->key.protocol;
}

/* Slot that the client's template names, if it lives and its backend takes new flows; else 0. */
static __always_inline __u32 find_template(const struct packet *p, const struct l4_template_key *key)
{
	struct l4_template *found = bpf_map_lookup_elem(&l4_tpl, key);

	if (!found || found->service != p->service || found->expires_ns <= p->now_ns ||
	    !eligible_backend(found->backend))
		return 0;
	return found->backend;
}

/* Notes that the client got a new flow with this backend: the time runs again from now. */
static __noinline void keep_template(const struct packet *p, const struct l4_service *svc,
					  const struct l4_template_key *key, __u32 slot)
{
	struct l4_template *found = bpf_map_lookup_elem(&l4_tpl, key);
	__u64 expires_ns = p->now_ns + svc->persist_s * NS_PER_S;
	struct l4_template fresh = { .backend = slot,
				     .service = p->service,
				     .expires_ns = expires_ns };
	__u32 before;

	if (found) {
		before = found->backend;
		found->service = p->service;
		found->backend = slot;
		found->expires_ns = expires_ns;
		if (before == slot)
			return;
		count_template(before, -1);
		count_template(slot, 1);
	} else if (!bpf_map_update_elem(&l4_tpl, key, &fresh, BPF_NOEXIST)) {
		count_template(slot, 1);
	}
}

#endif
