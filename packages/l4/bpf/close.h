/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Ending flows before their time: the control plane marks them (lb_close), and the next segment of either side
 * is answered with RST, so that both learn of it instead of waiting for a time-out.
 */
#ifndef BALANCER_L4_CLOSE_H
#define BALANCER_L4_CLOSE_H

#include "client-address.h"
#include "reject.h"

/* Whether a segment of a flow with L4_FLOW_SPECIAL ends it. A reset does so by itself. */
static __always_inline int ends_flow(const struct packet *p, const struct l4_flow *flow)
{
	return flow->seen & L4_SEEN_RESET_NEXT && !(p->tcp_flags & TCP_RST);
}

/* Moves both entries to CLOSE and answers the segment; p->reason stays for the counter. */
__noinline int end_flow(ctx_t *ctx, struct packet *p, struct l4_flow *flow)
{
	struct l4_flow *peer;
	__u8 state;
	__u64 now;

	if (!p || !flow)
		return VERDICT_DROP;
	state = flow->state;
	if (state != L4_CLOSE) {
		now = now_ns();
		peer = has_peer(flow) ? peer_of(flow) : NULL;
		if (peer) {
			peer->state = L4_CLOSE;
			peer->last_ns = now;
		}
		flow->state = L4_CLOSE;
		flow->last_ns = now;
		count_backend(flow->backend, state, L4_CLOSE, 0);
		count_service(flow->service, state, L4_CLOSE);
	}
	drop(p, L4_DROP_QUIESCENT);
	return p->fragment == FRAGMENT_LATER ? VERDICT_DROP : answer_reset(ctx, p);
}

#endif
