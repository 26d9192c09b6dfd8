/*
 * A connection of the command as an IMAP client: a Unix socket of the running
 * system, or TCP to a server elsewhere, with TLS. Blocks, with deadlines.
 */
#ifndef CTL_IMAP_TRANSPORT_H
#define CTL_IMAP_TRANSPORT_H

#include "base/config.h"
#include "base/error.h"
#include "base/span.h"

struct imap_transport;

/* To `name` in runtime_directory; ERROR_GONE when no system runs. NULL: error. */
struct imap_transport *
imap_transport_open_local(const struct config *config, const char *name,
	struct error *error);

/* To a host and port; with is_encrypted TLS at once. ca_file: NULL, those of
 * the machine. */
struct imap_transport *
imap_transport_open_remote(const char *host, const char *port,
	bool is_encrypted, const char *ca_file, struct error *error);

/* STARTTLS has been agreed on. */
int
imap_transport_encrypt(struct imap_transport *transport, const char *host,
	const char *ca_file, struct error *error);

/* Reads some bytes; 0 is the end; -1 with ERROR_TIMEOUT and others. */
long
imap_transport_read(struct imap_transport *transport, void *bytes, size_t size,
	struct error *error);

/* All of them. */
int
imap_transport_write(struct imap_transport *transport, struct span bytes,
	struct error *error);

void
imap_transport_close(struct imap_transport **transport);

#endif
