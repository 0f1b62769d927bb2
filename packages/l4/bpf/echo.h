/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * ICMP echoes as flows: the identifier stands where ports do, as the source port of a request and the
 * destination port of a reply, so that everything else treats them as datagrams.
 */
#ifndef BALANCER_L4_ECHO_H
#define BALANCER_L4_ECHO_H

#include "flow.h"
#include "parse.h"

/* Looks what an ICMP packet is. Returns PARSED when it is an echo that may be of a flow, its ports set; else
 * PARSE_ICMP. */
__noinline int parse_icmp(ctx_t *ctx, struct packet *p)
{
	struct l4_config *cfg = config();
	struct echo_header echo;
	__u8 request, reply;

	if (!p || !cfg || !(cfg->flags & L4_CFG_ECHO))
		return PARSE_ICMP;
	if (sizeof(struct eth_header) + p->total_bytes < p->l4_offset + sizeof(echo) ||
	    ctx_load(ctx, p->l4_offset, &echo, sizeof(echo)))
		return PARSE_ICMP;
	request = p->family == 4 ? ICMP_ECHO : ICMPV6_ECHO;
	reply = p->family == 4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY;
	if ((echo.type != request && echo.type != reply) || echo.code)
		return PARSE_ICMP;
	p->is_echo_reply = echo.type == reply;
	p->key.sport = p->is_echo_reply ? 0 : echo.id;
	p->key.dport = p->is_echo_reply ? echo.id : 0;
	p->l4_header_bytes = sizeof(echo);
	p->tcp_flags = 0;
	return PARSED;
}

#endif
