/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Packets of flows that need more than rewriting (L4_FLOW_SPECIAL). */
#ifndef BALANCER_L4_SPECIAL_H
#define BALANCER_L4_SPECIAL_H

#include "proxy.h"
#include "toa.h"

/* Marks a flow whose backend is told who the client is, before it is inserted. */
__noinline int tell_client(ctx_t *ctx, const struct packet *p)
{
	struct l4_scratch *s = scratch();
	struct l4_service *svc;
	__u32 service;
	__be32 seq;

	if (!p || !s)
		return 0;
	service = p->service;
	svc = bpf_map_lookup_elem(&l4_svc, &service);
	if (!svc || p->key.protocol != IPPROTO_TCP || is_one_way(s->flow.mode) ||
	    s->flow.mode == L4_MODE_NAT ||
	    ctx_load(ctx, p->l4_offset + __builtin_offsetof(struct tcp_header, seq), &seq, sizeof(seq)))
		return 0;
	s->flow.flags |= L4_FLOW_SPECIAL;
	s->flow.isn_c = bpf_ntohl(seq) - !(p->tcp_flags & TCP_SYN);
	s->flow.pp_len = svc->flags & L4_SVC_PROXY ? telling_bytes(svc, is_v4_mapped(&p->key.src)) : 0;
	s->reply.flags |= L4_FLOW_SPECIAL;
	s->reply.isn_c = s->flow.isn_c;
	s->reply.pp_len = s->flow.pp_len;
	return 0;
}

/* Decides what is put into a client's packet, of which no more is said than it can take when has_room is 0.
 * Returns by how many bytes it grows, or a drop reason's negative. */
static __always_inline int plan_special(ctx_t *ctx, struct packet *p, struct l4_flow *flow, int has_room)
{
	return flow->pp_len ? plan_proxy(ctx, p, flow) : plan_toa(ctx, p, flow, has_room);
}

/* A backend's packet. Returns 0, or -1 when it cannot be written. */
__noinline int note_special_out(ctx_t *ctx, struct packet *p, struct l4_flow *flow)
{
	if (!p || !flow || p->key.protocol != IPPROTO_TCP || p->fragment == FRAGMENT_LATER)
		return 0;
	return flow->pp_len ? acknowledge_proxy(ctx, p, flow) : end_toa(p, flow);
}

#endif
