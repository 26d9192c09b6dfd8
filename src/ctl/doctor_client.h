/*
 * A connection that `posthouse doctor` tries a port with: lines, and TLS that
 * takes every certificate and says what is wrong with it. Blocks, until its
 * deadline at most.
 */
#ifndef CTL_DOCTOR_CLIENT_H
#define CTL_DOCTOR_CLIENT_H

#include <openssl/ssl.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/network.h"

enum { DOCTOR_LINE_LIMIT = 4096 };

struct doctor_client {
	int fd;			/* non-blocking; -1: none */
	SSL *tls;		/* NULL: plain */
	int64_t deadline;	/* monotonic ms, of everything */
	char bytes[DOCTOR_LINE_LIMIT];
	size_t start, size;
};

/* From the source address, if not NULL. */
int
doctor_client_connect(struct doctor_client *client,
	const struct sockaddr_storage *address, unsigned port,
	const struct network_address *source, int64_t deadline,
	struct error *error);
void
doctor_client_close(struct doctor_client *client);

int
doctor_client_encrypt(struct doctor_client *client, SSL_CTX *context,
	const char *host, struct error *error);

/* Without its end; valid until the next one. */
int
doctor_client_line(struct doctor_client *client, struct span *line,
	struct error *error);
int
doctor_client_say(struct doctor_client *client, const char *text,
	struct error *error);

#endif
