/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Source NAT for hosts behind us. The service's backends are the addresses that the hosts get outside; a flow
 * goes on to where its packets are sent to, from a port of the address that was chosen. The entry of the
 * replies claims that port, as in full NAT: {destination, address, its port, our port}.
 */
#ifndef BALANCER_L4_SNAT_H
#define BALANCER_L4_SNAT_H

#include "claim.h"
#include "select.h"

/* Choices until one is another address than that which has no port left towards the destination. */
#define OTHER_TRIES 4

/* What draft_flow took for the way to a backend leads to the packet's destination instead. */
static __always_inline void draft_snat(const struct packet *p, struct l4_scratch *s,
				       const struct l4_backend *backend)
{
	s->reply_key.src = p->key.dst;
	s->reply_key.sport = p->key.dport;
	s->flow.lip = backend->lip;
	s->reply.lip = backend->lip;
}

/* Claims a port of the drafted flow's address. Returns a drop reason, 0 when claimed. */
__noinline int claim_outside(const struct packet *p)
{
	struct l4_config *cfg = config();
	struct l4_scratch *s = scratch();
	struct l4_service *svc;
	struct l4_lip *lip;
	__u32 key;

	if (!p || !s || !cfg)
		return L4_DROP_NO_PORT;
	key = p->service;
	svc = bpf_map_lookup_elem(&l4_svc, &key);
	key = s->flow.lip;
	lip = bpf_map_lookup_elem(&l4_lip, &key);
	if (!svc || !lip)
		return L4_DROP_NO_PORT;
	begin_claim(p, s, svc, cfg);
	return claim_reason(claim_at(s, lip), s->flow.lip);
}

/* Gives the drafted flow another address, if the scheduler has one. Returns whether it has. */
__noinline int draft_other(const struct packet *p, __u32 hash)
{
	struct l4_scratch *s = scratch();
	struct l4_backend *backend;
	struct l4_service *svc;
	__u32 key, slot = 0;
	int i;

	if (!p || !s)
		return 0;
	key = p->service;
	svc = bpf_map_lookup_elem(&l4_svc, &key);
	if (!svc)
		return 0;
	for (i = 0; i < OTHER_TRIES; i++) {
		slot = select_backend(p, svc, p->service, hash);
		if (slot != s->flow.backend)
			break;
	}
	backend = eligible_backend(slot);
	if (!backend || slot == s->flow.backend)
		return 0;
	s->flow.backend = slot;
	s->reply.backend = slot;
	s->flow.backend_generation = backend->generation;
	s->reply.backend_generation = backend->generation;
	draft_snat(p, s, backend);
	return 1;
}

#endif
