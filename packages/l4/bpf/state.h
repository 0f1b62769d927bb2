/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* States of TCP flows, as LVS has them. One-way modes (dr, dr-ip, tunnel) see the client's segments only. */
#ifndef BALANCER_L4_STATE_H
#define BALANCER_L4_STATE_H

#include "packet.h"

static __always_inline int is_one_way(__u8 mode)
{
	return mode == L4_MODE_DR || mode == L4_MODE_TUNNEL || mode == L4_MODE_DR_IP;
}

/* Whether flows of a mode hold a port of an address in l4_lip. */
static __always_inline int has_lip(__u8 mode)
{
	return mode == L4_MODE_FNAT || mode == L4_MODE_SNAT;
}

/* SYN and nothing that contradicts it: only this opens a flow. */
static __always_inline int opens_flow(__u8 tcp_flags)
{
	return (tcp_flags & (TCP_SYN | TCP_ACK | TCP_FIN | TCP_RST)) == TCP_SYN;
}

static __always_inline __u8 next_state_client(__u8 state, __u8 tcp_flags, __u8 seen, int one_way)
{
	if (tcp_flags & TCP_FIN) {
		if (state == L4_ESTABLISHED)
			return one_way ? L4_FIN_WAIT : L4_CLOSE_WAIT;
		if (state == L4_FIN_WAIT)
			return L4_TIME_WAIT;
	}
	if (!(tcp_flags & TCP_ACK) || tcp_flags & TCP_SYN)
		return state;
	if (state == L4_SYN_RECV && (one_way || seen & L4_SEEN_SYN_ACK))
		return L4_ESTABLISHED;
	if (state == L4_LAST_ACK)
		return L4_TIME_WAIT;
	return state;
}

/* Whether the handshake is not complete. */
static __always_inline int is_half_open(__u8 state)
{
	return state == L4_SYN_RECV || state == L4_SP_WAIT;
}

static __always_inline __u8 next_state_server(__u8 state, __u8 tcp_flags)
{
	if (state == L4_SP_WAIT)
		return tcp_flags & TCP_SYN ? L4_ESTABLISHED : state;
	if (!(tcp_flags & TCP_FIN))
		return state;
	if (state == L4_SYN_RECV || state == L4_ESTABLISHED)
		return L4_FIN_WAIT;
	if (state == L4_CLOSE_WAIT)
		return L4_LAST_ACK;
	return state;
}

static __always_inline __u8 next_state(const struct l4_flow *flow, __u8 tcp_flags)
{
	if (tcp_flags & TCP_RST)
		return flow->state == L4_TIME_WAIT ? L4_TIME_WAIT : L4_CLOSE;
	if (flow->dir == L4_DIR_OUT)
		return next_state_server(flow->state, tcp_flags);
	return next_state_client(flow->state, tcp_flags, flow->seen, is_one_way(flow->mode));
}

static __always_inline __u8 seen_bits(__u8 tcp_flags, __u8 dir)
{
	__u8 seen = 0;

	if (tcp_flags & TCP_SYN)
		seen |= dir == L4_DIR_OUT ? L4_SEEN_SYN_ACK : L4_SEEN_SYN;
	if (tcp_flags & TCP_FIN)
		seen |= dir == L4_DIR_OUT ? L4_SEEN_FIN_SERVER : L4_SEEN_FIN_CLIENT;
	if (tcp_flags & TCP_RST)
		seen |= L4_SEEN_RST;
	return seen;
}

#endif
