/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The SYN proxy: a SYN is answered by us, and costs nothing but the answer. What a client acknowledges is
 * turned into its SYN to a backend, and what the backend answers into the opening of the window that the
 * client waits for. Each of these packets is written in the place of the one that came, as if the client or
 * the backend had sent it, and goes the way of any packet of its flow.
 */
#ifndef BALANCER_L4_SYNPROXY_H
#define BALANCER_L4_SYNPROXY_H

#include "cookie.h"
#include "mss.h"
#include "reject.h"
#include "select.h"
#include "sequence.h"
#include "track.h"
#include "translate.h"

#define OPTION_SCALE 3
#define OPTION_SACK_PERMITTED 4

/* The scale of windows that clients are told, whatever their backend will have (RFC 7323: 2^7 bytes). */
#define OUR_SCALE 7
/* Window of server-first SYN-ACKs and of SYNs to backends. */
#define WINDOW_MAX 65535
/* What a backend may send before its client's next segment says how much: ten segments, with which senders
 * begin (RFC 6928). */
#define FIRST_WINDOW_BYTES 16384
/* How often a SYN to a backend is sent again. */
#define SYN_TRIES 3
/* Bytes of a SYN whose checksum is looked at; bpf_csum_diff takes no more. */
#define CHECKED_BYTES 512
/* MSS of a client that says none (RFC 9293, 3.7.1). */
#define DEFAULT_MSS 536

/* MSS, SACK permitted, scale: each in a word, NOPs where one is not there. */
#define OPTION_WORDS 3
#define NO_OPTION 0x01010101
#define SYN_BYTES (sizeof(struct tcp_header) + 4 * OPTION_WORDS)

/* The segment that is written, and what the options of the one that came say. */
struct proxy_work {
	struct option_work came;
	struct handshake said;
	struct tcp_header tcp;
	__be32 options[OPTION_WORDS];
	struct ip4_header ip4;
	struct ip6_header ip6;
	__u8 segment[CHECKED_BYTES + 4];
};

static __always_inline struct proxy_work *proxy_work(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&l4_work, &zero);
}

/* Whether a packet has nothing between its two headers, so that each has its usual place. */
static __always_inline int is_usual(const struct packet *p)
{
	return p->fragment == FRAGMENT_NONE && p->l4_offset == sizeof(struct eth_header) + plain_ip_bytes(p);
}

/* Notes one option of a handshake. */
static long note_option(__u32 index, void *context)
{
	struct proxy_work *w = proxy_work();
	__u32 at, length;
	__u8 kind;

	if (!w)
		return 1;
	at = w->came.at & 63;
	length = next_option(&w->came, &kind);
	if (!length)
		return 1;
	if (kind == OPTION_MSS && length == 4)
		w->said.mss = w->came.bytes[at + 2] << 8 | w->came.bytes[at + 3];
	else if (kind == OPTION_SCALE && length == 3)
		w->said.scale = w->came.bytes[at + 2] > 14 ? 14 : w->came.bytes[at + 2];
	else if (kind == OPTION_SACK_PERMITTED && length == 2)
		w->said.sack = 1;
	return 0;
}

/* Reads what the options of a SYN or SYN-ACK say into w->said. */
static __noinline int read_handshake(ctx_t *ctx, const struct packet *p, struct proxy_work *w)
{
	__u32 bytes = p->l4_header_bytes - sizeof(struct tcp_header);

	w->said.mss = DEFAULT_MSS;
	w->said.scale = COOKIE_UNSCALED;
	w->said.sack = 0;
	if (!bytes || bytes > OPTIONS_MAX)
		return 0;
	if (ctx_load(ctx, p->l4_offset + sizeof(struct tcp_header), w->came.bytes, bytes))
		return -1;
	w->came.length = bytes;
	w->came.at = 0;
	bpf_loop(OPTIONS_MAX, note_option, NULL, 0);
	return 0;
}

static __always_inline void write_options(struct proxy_work *w, const struct handshake *said, __u32 mss,
					  __u32 scale)
{
	w->options[0] = bpf_htonl(OPTION_MSS << 24 | 4 << 16 | mss);
	w->options[1] = bpf_htonl(said->sack ? NO_OPTION & ~0xffff | OPTION_SACK_PERMITTED << 8 | 2 :
					       NO_OPTION);
	w->options[2] = bpf_htonl(said->scale == COOKIE_UNSCALED ?
					  NO_OPTION :
					  1 << 24 | OPTION_SCALE << 16 | 3 << 8 | scale);
}

/* Puts the segment of w, without content, in the place of the packet, with the addresses and ports of
 * p->key. */
static __noinline int put_segment(ctx_t *ctx, struct packet *p, struct proxy_work *w)
{
	int is_syn = w->tcp.flags & TCP_SYN;
	__u32 tcp_bytes = is_syn ? SYN_BYTES : sizeof(w->tcp), headers = plain_ip_bytes(p);
	__u32 bytes = headers + tcp_bytes;
	__u16 flip = 0;
	__u64 sum;

	p->l4_offset = sizeof(struct eth_header) + headers;
	w->tcp.sport = p->key.sport;
	w->tcp.dport = p->key.dport;
	w->tcp.doff = tcp_bytes / 4 << 4;
	sum = sum_pseudo(p, tcp_bytes, IPPROTO_TCP);
	if (!ctx_checksum_is_unfinished(ctx, p->l4_offset + __builtin_offsetof(struct tcp_header, checksum))) {
		sum += sum_words(&w->tcp, sizeof(w->tcp));
		if (is_syn)
			sum += sum_words(w->options, sizeof(w->options));
		flip = 0xffff;
	}
	w->tcp.checksum = csum_fold(sum) ^ flip;
	/* Filled as an answer to what p->key says: here is that packet itself. */
	if (p->family == 4) {
		fill_ip4(&w->ip4, p, bytes, IPPROTO_TCP);
		w->ip4.src = p->key.src.words[3];
		w->ip4.dst = p->key.dst.words[3];
	} else {
		fill_ip6(&w->ip6, p, bytes, IPPROTO_TCP);
		__builtin_memcpy(w->ip6.src, &p->key.src, sizeof(w->ip6.src));
		__builtin_memcpy(w->ip6.dst, &p->key.dst, sizeof(w->ip6.dst));
	}
	if (ctx_refit(ctx, sizeof(struct eth_header) + bytes))
		return -1;
	if (p->family == 4 ? ctx_store(ctx, sizeof(struct eth_header), &w->ip4, sizeof(w->ip4)) :
			     ctx_store(ctx, sizeof(struct eth_header), &w->ip6, sizeof(w->ip6)))
		return -1;
	if (ctx_store(ctx, p->l4_offset, &w->tcp, sizeof(w->tcp)) ||
	    (is_syn && ctx_store(ctx, p->l4_offset + sizeof(w->tcp), w->options, sizeof(w->options))))
		return -1;
	p->total_bytes = bytes;
	p->l4_header_bytes = tcp_bytes;
	p->tcp_flags = w->tcp.flags;
	p->ttl = OUR_TTL;
	return 0;
}

/* Whether the service has a backend for the flow that a SYN wants to open. Looks at some, and chooses none. */
static __noinline int has_backend(const struct l4_service *svc, __u32 service)
{
	struct walk walk = { .length = svc->sel_len, .step = 1 };

	walk.table = bpf_map_lookup_elem(&l4_sel, &service);
	if (!walk.length) {
		walk.length = svc->list_len;
		walk.table = bpf_map_lookup_elem(&l4_list, &service);
	}
	if (!walk.table || !walk.length)
		return 0;
	walk.index = bpf_get_prandom_u32() % walk.length;
	if (!try_slot(0, &walk))
		bpf_loop(RING_TRIES, try_slot, &walk, 0);
	return walk.slot != 0;
}

#ifdef L4_HOOK_TC

/* The card or the kernel does. */
static __always_inline int has_wrong_checksum(ctx_t *ctx, const struct packet *p, struct proxy_work *w)
{
	return 0;
}

#else

/* Whether a segment is damaged, or made by somebody who saves himself the sum. */
static __noinline int has_wrong_checksum(ctx_t *ctx, const struct packet *p, struct proxy_work *w)
{
	__u32 bytes = p->total_bytes + sizeof(struct eth_header) - p->l4_offset;
	__u64 sum;

	if (bytes < sizeof(struct tcp_header) || bytes > CHECKED_BYTES)
		return 0;
	*(__u32 *)(w->segment + (bytes & ~3U)) = 0;
	if (ctx_load(ctx, p->l4_offset, w->segment, bytes))
		return 1;
	sum = sum_words(w->segment, (bytes + 3) & ~3U);
	return csum_fold(sum + sum_pseudo(p, bytes, IPPROTO_TCP)) != 0xffff;
}

#endif

static __always_inline void turn_key(struct l4_flow_key *key)
{
	struct addr16 address = key->src;
	__be16 port = key->sport;

	key->src = key->dst;
	key->dst = address;
	key->sport = key->dport;
	key->dport = port;
}

/* Answers a SYN to a service with a SYN proxy. */
__noinline int answer_syn(ctx_t *ctx, struct packet *p)
{
	struct l4_cookie_key *key = newest_cookie_key();
	struct proxy_work *w = proxy_work();
	struct l4_service *svc;
	struct tcp_header tcp;
	struct macs macs;
	__u32 service, cookie;

	if (!p || !w)
		return VERDICT_DROP;
	service = p->service;
	svc = bpf_map_lookup_elem(&l4_svc, &service);
	if (!svc || !key || !is_usual(p))
		return drop(p, L4_DROP_NO_CONN);
	if (!has_backend(svc, service))
		return reject(ctx, p);
	if (has_wrong_checksum(ctx, p, w))
		return drop(p, L4_DROP_BAD_HEADER);
	if (ctx_load(ctx, 0, &macs, sizeof(macs)) || ctx_load(ctx, p->l4_offset, &tcp, sizeof(tcp)) ||
	    read_handshake(ctx, p, w))
		return drop(p, L4_DROP_HELPER_ERROR);
	cookie = make_cookie(key, &p->key, bpf_ntohl(tcp.seq), &w->said);
	__builtin_memset(&w->tcp, 0, sizeof(w->tcp));
	w->tcp.seq = bpf_htonl(cookie);
	w->tcp.ack = bpf_htonl(bpf_ntohl(tcp.seq) + 1);
	w->tcp.flags = TCP_SYN | TCP_ACK;
	if (svc->synproxy == L4_SYNPROXY_SERVER_FIRST)
		w->tcp.window = bpf_htons(WINDOW_MAX);
	write_options(w, &w->said, mss_limit(svc, is_v4_mapped(&p->key.src), p->family, 0, 0), OUR_SCALE);
	turn_key(&p->key);
	if (put_segment(ctx, p, w))
		return drop(p, L4_DROP_HELPER_ERROR);
	return send_back(ctx, p, &macs);
}

/* Fills the fields of a flow that an ACK opened: what the cookie says is kept where the shifts of the
 * numbers will be, from which the backend's number is then taken off. */
static __always_inline void draft_proxied(struct l4_scratch *s)
{
	s->flow.flags |= L4_FLOW_SYNPROXY;
	s->flow.isn_c = s->isn_c;
	s->flow.ack_delta = -s->cookie;
	s->reply.flags |= L4_FLOW_SYNPROXY;
	s->reply.isn_c = s->isn_c;
	s->reply.seq_delta = s->cookie;
}

/* Turns a client's packet into the SYN that it sent before, as far as the cookie knows. */
__noinline int turn_into_syn(ctx_t *ctx, struct packet *p, __u32 cookie, __u32 isn)
{
	struct proxy_work *w = proxy_work();
	struct handshake said;

	if (!p || !w)
		return -1;
	read_cookie(cookie, &said);
	__builtin_memset(&w->tcp, 0, sizeof(w->tcp));
	w->tcp.seq = bpf_htonl(isn);
	w->tcp.flags = TCP_SYN;
	w->tcp.window = bpf_htons(WINDOW_MAX);
	write_options(w, &said, said.mss, said.scale);
	return put_segment(ctx, p, w);
}

/* A client's packet while its backend has not answered: clients send again what they get no answer to, and
 * so do we. How often is counted in a field that the answer will overwrite. */
static __noinline int wait_for_backend(ctx_t *ctx, struct packet *p, struct l4_flow *flow)
{
	if (p->tcp_flags & TCP_RST) {
		change_state(p, flow);
		return JOINED;
	}
	if ((p->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_ACK || content_bytes(p) || !is_usual(p) ||
	    flow->wscale_lb >= SYN_TRIES)
		return drop(p, L4_DROP_SP_WAIT);
	flow->wscale_lb++;
	return turn_into_syn(ctx, p, -flow->ack_delta, flow->isn_c) ? drop(p, L4_DROP_HELPER_ERROR) :
								       JOINED;
}

/* Notes in both entries how the two ends count, from the backend's SYN-ACK. */
static __always_inline void join_sequences(struct l4_flow *flow, struct l4_flow *peer, __u32 isn,
					   __u32 client_scale, __u32 scale)
{
	int is_scaled = scale != COOKIE_UNSCALED, client_scales = client_scale != COOKIE_UNSCALED;

	flow->seq_delta -= isn;
	flow->isn_s = isn;
	flow->wscale_rs = is_scaled ? scale : 0;
	flow->wscale_lb = client_scales ? OUR_SCALE : 0;
	flow->flags |= L4_FLOW_SEQ_ADJUSTED;
	peer->ack_delta += isn;
	peer->isn_s = isn;
	/* A backend that does not scale takes the client's windows as they stand, too. */
	peer->wscale_rs = client_scales && !is_scaled ? client_scale : 0;
	peer->wscale_lb = 0;
	peer->flags |= L4_FLOW_SEQ_ADJUSTED;
}

/* Turns a SYN-ACK into what the client would send if it had come to it. The packet goes on as one that came
 * from where the client's come from. */
static __noinline int acknowledge(ctx_t *ctx, struct packet *p, const struct l4_flow *flow,
				  struct proxy_work *w, const struct tcp_header *tcp)
{
	__u32 cookie = bpf_ntohl(tcp->seq) + flow->seq_delta;
	struct handshake said;
	struct macs macs;

	read_cookie(cookie, &said);
	w->tcp.seq = tcp->ack;
	w->tcp.ack = bpf_htonl(cookie + 1);
	w->tcp.flags = TCP_ACK;
	w->tcp.window = bpf_htons(FIRST_WINDOW_BYTES >>
				  (said.scale == COOKIE_UNSCALED ? 0 : said.scale));
	/* The client of a NAT64 flow sends IPv6; the translation takes place on the way, as ever. */
	if (flow->flags & L4_FLOW_NAT64 && change_family(ctx, p, 6))
		return drop(p, L4_DROP_HELPER_ERROR);
	flow_peer_key(flow, IPPROTO_TCP, &p->key);
	p->ifindex = flow->ifindex;
	__builtin_memcpy(macs.src, flow->mac, sizeof(macs.src));
	__builtin_memcpy(macs.dst, flow->our_mac, sizeof(macs.dst));
	if (put_segment(ctx, p, w) || ctx_store(ctx, 0, &macs, sizeof(macs)))
		return drop(p, L4_DROP_HELPER_ERROR);
	return JOINED;
}

/* Turns a SYN-ACK into the segment that opens the backend's window to the client. */
static __noinline int open_window(ctx_t *ctx, struct packet *p, struct proxy_work *w,
				  const struct tcp_header *tcp)
{
	__u32 scale = w->said.scale;

	w->tcp.seq = bpf_htonl(bpf_ntohl(tcp->seq) + 1);
	w->tcp.ack = tcp->ack;
	w->tcp.flags = TCP_ACK;
	/* This one stands for bytes; the flow's are scaled. */
	w->tcp.window = rescale(tcp->window, 0, scale == COOKIE_UNSCALED ? 0 : scale);
	return put_segment(ctx, p, w) ? drop(p, L4_DROP_HELPER_ERROR) : JOINED;
}

/* A SYN-ACK of a backend: the first completes the flow, later ones ask for the acknowledgement of the
 * first, which the client does not know of. */
static __noinline int take_syn_ack(ctx_t *ctx, struct packet *p, struct l4_flow *flow)
{
	struct proxy_work *w = proxy_work();
	__u32 service = flow->service;
	struct l4_service *svc = bpf_map_lookup_elem(&l4_svc, &service);
	struct l4_flow_key key;
	struct handshake said;
	struct tcp_header tcp;
	struct l4_flow *peer;

	if (!w || !svc || ctx_load(ctx, p->l4_offset, &tcp, sizeof(tcp)) || read_handshake(ctx, p, w))
		return drop(p, L4_DROP_HELPER_ERROR);
	if (bpf_ntohl(tcp.ack) != flow->isn_c + 1 || !is_usual(p))
		return drop(p, L4_DROP_SP_WAIT);
	__builtin_memset(&w->tcp, 0, sizeof(w->tcp));
	if (flow->state != L4_SP_WAIT)
		return bpf_ntohl(tcp.seq) == flow->isn_s ? acknowledge(ctx, p, flow, w, &tcp) :
							   drop(p, L4_DROP_SP_WAIT);
	flow_peer_key(flow, IPPROTO_TCP, &key);
	peer = bpf_map_lookup_elem(&l4_ct, &key);
	if (!peer)
		return drop(p, L4_DROP_NO_CONN);
	read_cookie(flow->seq_delta, &said);
	join_sequences(flow, peer, bpf_ntohl(tcp.seq), said.scale, w->said.scale);
	change_state(p, flow);
	return svc->synproxy == L4_SYNPROXY_SERVER_FIRST ? acknowledge(ctx, p, flow, w, &tcp) :
							   open_window(ctx, p, w, &tcp);
}

/* Lets a backend's reset through to its client, which believes one that has the number it expects next. */
static __noinline int take_reset(ctx_t *ctx, struct packet *p, struct l4_flow *flow)
{
	struct tcp_header tcp;

	if (ctx_load(ctx, p->l4_offset, &tcp, sizeof(tcp)))
		return drop(p, L4_DROP_HELPER_ERROR);
	flow->seq_delta += 1 - bpf_ntohl(tcp.seq);
	flow->flags |= L4_FLOW_SEQ_ADJUSTED;
	change_state(p, flow);
	return JOINED;
}

static __always_inline int is_syn_ack(const struct packet *p)
{
	return (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK);
}

/* Whether a packet of a flow with L4_FLOW_SYNPROXY is part of its handshake. */
static __always_inline int is_of_handshake(const struct packet *p, const struct l4_flow *flow)
{
	return flow->state == L4_SP_WAIT || (flow->dir == L4_DIR_OUT && is_syn_ack(p));
}

/* Takes such a packet. Returns JOINED when it goes on, in the flow that p->key says now, else the verdict. */
static __always_inline int follow_proxied(ctx_t *ctx, struct packet *p, struct l4_flow *flow)
{
	if (flow->dir == L4_DIR_IN)
		return wait_for_backend(ctx, p, flow);
	if (is_syn_ack(p))
		return take_syn_ack(ctx, p, flow);
	return p->tcp_flags & TCP_RST ? take_reset(ctx, p, flow) : drop(p, L4_DROP_SP_WAIT);
}

#endif
