/*
 * PROXY protocol version 2 (HAProxy's proxy-protocol.txt, 2.2): the addresses
 * of a connection and what TLS knows about it, before its first byte. Version
 * 1 (text) is read too, for load balancers in proxy_networks.
 */
#ifndef PROTO_PROXY2_H
#define PROTO_PROXY2_H

#include "base/buffer.h"
#include "base/network.h"

enum {
	PROXY2_HEADER_LIMIT = 1024,	/* longer ones are refused */
	PROXY2_BINDING_SIZE = 64,
};

/* A flat description of a connection; part of parked session structs. */
struct proxy2 {
	struct network_address client, local;
	bool is_tls;
	char tls_version[16];		/* "TLSv1.3" */
	char tls_cipher[48];
	char server_name[128];		/* SNI, or empty */
	uint8_t binding_exporter[32];	/* tls-exporter (RFC 9266) */
	uint8_t binding_end_point[PROXY2_BINDING_SIZE];	/* RFC 5929 4 */
	uint8_t binding_exporter_size, binding_end_point_size;
};

void
proxy2_encode(struct buffer *out, const struct proxy2 *facts);

enum proxy2_verdict { PROXY2_OK, PROXY2_MORE, PROXY2_BAD };

/*
 * Decodes a header off the front of `in`; *consumed is its length. MORE: not
 * whole yet. Channel bindings are believed only where the caller says so (they
 * travel in TLVs 0xE0 and 0xE1 of ours).
 */
enum proxy2_verdict
proxy2_decode(struct span in, struct proxy2 *facts, size_t *consumed);

#endif
