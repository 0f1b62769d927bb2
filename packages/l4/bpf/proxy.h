/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The client's address as the first bytes of its connection (PROXY protocol, version 2). Whether the backend has
 * them, only its acknowledgements say, and the client knows nothing of bytes that it would have to repeat: they
 * are put in front of the client's first byte again whenever it, or the backend, behaves as if they were lost.
 */
#ifndef BALANCER_L4_PROXY_H
#define BALANCER_L4_PROXY_H

#include "client-address.h"
#include "mss.h"

#define PROXY_VERSION_COMMAND 0x21
#define PROXY_TCP4 0x11
#define PROXY_TCP6 0x21

struct proxy_header {
	__u8 signature[12];
	__u8 version_command;
	__u8 family;
	__be16 length;
	union {
		struct {
			__be32 src;
			__be32 dst;
			__be16 sport;
			__be16 dport;
		} v4;
		struct {
			struct addr16 src;
			struct addr16 dst;
			__be16 sport;
			__be16 dport;
		} v6;
	};
};

/* The header of the connection that a client's packet is of. */
static __always_inline void write_proxy_header(struct proxy_header *header, const struct packet *p)
{
	static const __u8 signature[12] = { 0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
					    0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a };

	__builtin_memcpy(header->signature, signature, sizeof(signature));
	header->version_command = PROXY_VERSION_COMMAND;
	if (is_v4_mapped(&p->key.src)) {
		header->family = PROXY_TCP4;
		header->length = bpf_htons(sizeof(header->v4));
		header->v4.src = p->key.src.words[3];
		header->v4.dst = p->key.dst.words[3];
		header->v4.sport = p->key.sport;
		header->v4.dport = p->key.dport;
		return;
	}
	header->family = PROXY_TCP6;
	header->length = bpf_htons(sizeof(header->v6));
	header->v6.src = p->key.src;
	header->v6.dst = p->key.dst;
	header->v6.sport = p->key.sport;
	header->v6.dport = p->key.dport;
}

/* Whether the header goes in front of a segment that begins where the client does, with so many numbers. */
static __always_inline int needs_header(const struct packet *p, __u8 flags, __u32 numbers, __u32 sent)
{
	if (flags & L4_FLOW_PP_ACKED || p->tcp_flags & TCP_RST)
		return 0;
	if (!(flags & L4_FLOW_PP_SENT))
		return 1;
	/* The client sends again what it has sent. */
	return numbers && numbers <= sent;
}

/* Decides what becomes of a client's segment. Returns by how many bytes it grows, or a drop reason's negative. */
__noinline int plan_proxy(ctx_t *ctx, struct packet *p, struct l4_flow *flow)
{
	struct insertion *in = insertion();
	__u32 relative, numbers;
	__be32 seq;
	__u8 flags;

	if (!p || !flow || !in)
		return 0;
	/* Packets of the backend change them meanwhile. */
	flags = *(volatile __u8 *)&flow->flags;
	in->gap = 0;
	in->shift = 0;
	in->after_bytes = 0;
	in->before_bytes = 0;
	in->is_header = 0;
	if (p->tcp_flags & TCP_SYN || p->fragment == FRAGMENT_LATER ||
	    ctx_load(ctx, p->l4_offset + __builtin_offsetof(struct tcp_header, seq), &seq, sizeof(seq)))
		return 0;
	relative = bpf_ntohl(seq) - flow->isn_c - 1;
	/* A keep-alive before anything was sent. */
	if ((__s32)relative < 0)
		return 0;
	numbers = content_bytes(p) + (p->tcp_flags & TCP_FIN);
	if (relative || !needs_header(p, flags, numbers, flow->snd_max)) {
		if (relative || flags & (L4_FLOW_PP_SENT | L4_FLOW_PP_ACKED))
			in->shift = flow->pp_len;
	} else if (!may_grow(ctx, p)) {
		return -L4_DROP_PP_GSO;
	} else {
		write_proxy_header((void *)in->after, p);
		in->gap = flow->pp_len;
		in->after_bytes = flow->pp_len;
		in->at = p->l4_offset + p->l4_header_bytes;
		set_flags(flow, L4_FLOW_PP_SENT);
	}
	if (!(flags & L4_FLOW_PP_ACKED) && relative + numbers > flow->snd_max)
		flow->snd_max = relative + numbers;
	return in->gap;
}

/* What the backend acknowledges of the header, and of the client's content behind it. */
static __always_inline __u32 without_header(__u32 relative, __u32 header_bytes)
{
	if ((__s32)relative <= 0)
		return relative;
	return relative > header_bytes ? relative - header_bytes : 0;
}

/* Notes in both entries what a backend's acknowledgement says about the header. */
static __noinline int note_acknowledgement(struct l4_flow *flow, __u32 relative)
{
	struct l4_flow *peer;

	if (relative && relative < flow->pp_len)
		return 0;
	peer = peer_of(flow);
	if (!peer)
		return 0;
	if (relative) {
		set_flags(peer, L4_FLOW_PP_ACKED);
		set_flags(flow, L4_FLOW_PP_ACKED);
	} else if (peer->flags & L4_FLOW_PP_SENT) {
		/* It waits for the client's first byte still. */
		clear_flags(peer, L4_FLOW_PP_SENT);
	}
	return 0;
}

/* Takes the header out of what a backend's segment acknowledges. Returns 0, or -1 when it cannot be written. */
static __noinline int acknowledge_proxy(ctx_t *ctx, struct packet *p, struct l4_flow *flow)
{
	__u32 offset = p->l4_offset + __builtin_offsetof(struct tcp_header, ack), relative;
	__u64 changed;
	__be32 from, to;

	if (!(p->tcp_flags & TCP_ACK) || ctx_load(ctx, offset, &from, sizeof(from)))
		return 0;
	relative = bpf_ntohl(from) - flow->isn_c - 1;
	if (!(flow->flags & L4_FLOW_PP_ACKED) && (__s32)relative >= 0)
		note_acknowledgement(flow, relative);
	to = bpf_htonl(flow->isn_c + 1 + without_header(relative, flow->pp_len));
	if (to != from && ctx_replace(ctx, offset, &to, sizeof(to)))
		return -1;
	changed = csum_replaced(from, to);
	if (!(p->tcp_flags & TCP_SYN) && p->l4_header_bytes > sizeof(struct tcp_header))
		changed += shift_sack(ctx, p, -(__u32)flow->pp_len);
	return ctx_fix_tcp(ctx, p, changed);
}

#endif
