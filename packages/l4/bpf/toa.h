/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The client's address as a TCP option (TOA): kind 254, length, port, address. It stands first in every segment
 * of the client until the backend has sent something, which it does when it knows who asked. Clients that send
 * the option themselves lie; theirs never gets through.
 */
#ifndef BALANCER_L4_TOA_H
#define BALANCER_L4_TOA_H

#include "client-address.h"
#include "mss.h"
#include "report.h"

#define OPTION_TOA 254

/* What is left out to make room: nothing, what only aligns, and the blocks of selective acknowledgements, which
 * the next segment repeats. */
enum pruning {
	PRUNE_NOTHING,
	PRUNE_ALIGNMENT,
	PRUNE_SACK,
};

static __always_inline int is_option_kept(__u8 kind, __u32 pruning)
{
	if (kind == OPTION_TOA)
		return 0;
	if (kind == OPTION_NOP)
		return pruning < PRUNE_ALIGNMENT;
	return kind != OPTION_SACK || pruning < PRUNE_SACK;
}

/* Takes one byte of the options over, if the option that it is of stays. */
static long keep_byte(__u32 index, void *context)
{
	struct insertion *in = insertion();
	__u32 at, length = 1;
	__u8 byte;

	if (!in)
		return 1;
	at = in->position;
	if (at >= in->before_bytes)
		return 1;
	byte = in->before[at & (INSERTED_MAX - 1)];
	if (at == in->next) {
		if (byte == OPTION_END)
			return 1;
		if (byte != OPTION_NOP)
			length = in->before[(at + 1) & (INSERTED_MAX - 1)];
		/* What contradicts itself is no option for the backend either. */
		if (!length || (byte != OPTION_NOP && length < 2) || at + length > in->before_bytes)
			return 1;
		in->next = at + length;
		in->is_kept = is_option_kept(byte, in->pruning);
		if (byte == OPTION_TOA)
			in->is_foreign = 1;
	}
	if (in->is_kept) {
		in->after[in->kept & (INSERTED_MAX - 1)] = byte;
		in->kept++;
	}
	in->position = at + 1;
	return 0;
}

/* Writes our option. Returns its length. */
static __always_inline __u32 write_option(struct insertion *in, const struct packet *p)
{
	in->after[0] = OPTION_TOA;
	*(__be16 *)(in->after + 2) = p->key.sport;
	if (is_v4_mapped(&p->key.src)) {
		in->after[1] = TOA4_BYTES;
		*(__be32 *)(in->after + 4) = p->key.src.words[3];
		return TOA4_BYTES;
	}
	in->after[1] = TOA6_BYTES;
	__builtin_memcpy(in->after + 4, &p->key.src, sizeof(p->key.src));
	return TOA6_BYTES;
}

/* Writes what stays of the options to in->after, behind ours if that is due; what follows means nothing. Returns
 * how many bytes they are. */
__noinline int lay_out_options(const struct packet *p, int is_due, __u32 pruning)
{
	struct insertion *in = insertion();

	if (!p || !in)
		return 0;
	__builtin_memset(in->after, OPTION_NOP, sizeof(in->after));
	in->position = 0;
	in->next = 0;
	in->kept = is_due ? write_option(in, p) : 0;
	in->is_kept = 0;
	in->is_foreign = 0;
	in->pruning = pruning;
	if (in->before_bytes)
		bpf_loop(OPTIONS_MAX, keep_byte, NULL, 0);
	return in->kept;
}

/* Fits our option and those of the segment into a header. Returns their length, 0 when there is no room. */
static __always_inline __u32 fit_options(const struct packet *p)
{
	__u32 bytes = lay_out_options(p, 1, PRUNE_NOTHING);

	if (bytes > OPTIONS_MAX)
		bytes = lay_out_options(p, 1, PRUNE_ALIGNMENT);
	if (bytes > OPTIONS_MAX)
		bytes = lay_out_options(p, 1, PRUNE_SACK);
	return bytes > OPTIONS_MAX ? 0 : bytes;
}

/* Decides what becomes of the options of a client's segment. Returns by how many bytes it grows. */
__noinline int plan_toa(ctx_t *ctx, struct packet *p, const struct l4_flow *flow, int has_room)
{
	struct insertion *in = insertion();
	__u32 bytes = 0, options, length;
	int is_due;

	if (!p || !flow || !in)
		return 0;
	options = p->l4_header_bytes - sizeof(struct tcp_header);
	in->gap = 0;
	in->shift = 0;
	in->after_bytes = 0;
	in->is_header = 1;
	in->before_bytes = options;
	in->at = p->l4_offset + sizeof(struct tcp_header);
	is_due = !(flow->flags & L4_FLOW_TOA_DONE) && !(p->tcp_flags & (TCP_SYN | TCP_RST)) &&
		 may_grow(ctx, p);
	if (p->fragment == FRAGMENT_LATER || options > OPTIONS_MAX || (!is_due && !options))
		return 0;
	if (options && ctx_load(ctx, in->at, in->before, options))
		return 0;
	if (is_due && has_room)
		bytes = fit_options(p);
	if (is_due && !bytes)
		count_reason(L4_COUNT_TOA_FAIL, p->total_bytes);
	if (!bytes) {
		bytes = lay_out_options(p, 0, PRUNE_NOTHING);
		if (!in->is_foreign)
			return 0;
	}
	length = (bytes + 3) & ~3;
	if (length < options)
		length = options;
	in->after_bytes = length;
	in->gap = length - options;
	return in->gap;
}

/* A segment of the backend: what it sends shows that it has the connection, with the client's address. */
static __noinline int end_toa(const struct packet *p, struct l4_flow *flow)
{
	struct l4_flow *peer;

	if (p->tcp_flags & TCP_SYN || !content_bytes(p))
		return 0;
	peer = peer_of(flow);
	if (peer)
		set_flags(peer, L4_FLOW_TOA_DONE);
	clear_flags(flow, L4_FLOW_SPECIAL);
	return 0;
}

#endif
