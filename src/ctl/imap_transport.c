/* A connection of the command as an IMAP client; see imap_transport.h. */
#include "ctl/imap_transport.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

enum { PATIENCE = 120000 };	/* ms for one read, write or connect */

struct imap_transport {
	int fd;			/* non-blocking */
	SSL_CTX *context;
	SSL *tls;		/* NULL: plain */
};

void
imap_transport_close(struct imap_transport **transport)
{
	if (*transport == NULL)
		return;
	SSL_free((*transport)->tls);
	SSL_CTX_free((*transport)->context);
	file_close(&(*transport)->fd);
	memory_free(*transport);
	*transport = NULL;
}

/* Takes the socket over. */
static struct imap_transport *
transport_new(int *fd)
{
	struct imap_transport *transport = memory_new(sizeof(*transport));
	transport->fd = *fd;
	*fd = -1;
	fcntl(transport->fd, F_SETFL, O_NONBLOCK);
	return transport;
}

/* A path may be longer than a sockaddr holds: by the directory's descriptor. */
struct imap_transport *
imap_transport_open_local(const struct config *config, const char *name,
	struct error *error)
{
	const char *directory = config_text(config, "runtime_directory");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path),
		"/proc/self/fd/%d/%s", dir, name);
	bool is_open = dir >= 0 && fd >= 0 && connect(fd,
		(struct sockaddr *)&address, sizeof(address)) == 0;
	if (!is_open && (errno == ENOENT || errno == ECONNREFUSED))
		error_set(error, ERROR_GONE, "no system is running with "
			"runtime_directory %s", directory);
	else if (!is_open)
		error_set_errno(error, "connecting to %s/%s", directory, name);
	file_close(&dir);
	if (!is_open)
		file_close(&fd);
	return is_open ? transport_new(&fd) : NULL;
}

/* ---- waiting ---- */

static int
wait_for(struct imap_transport *transport, short events, struct error *error)
{
	struct pollfd slot = { .fd = transport->fd, .events = events };
	int n;
	do {
		n = poll(&slot, 1, PATIENCE);
	} while (n < 0 && errno == EINTR);
	return n > 0 ? 0 : error_set(error, ERROR_TIMEOUT,
		"the server did not answer within %d s", PATIENCE / 1000);
}

static int
fail_tls(struct imap_transport *transport, const char *what,
	struct error *error)
{
	long verified = SSL_get_verify_result(transport->tls);
	const char *reason = verified != X509_V_OK ?
		X509_verify_cert_error_string(verified) :
		ERR_reason_error_string(ERR_peek_last_error());
	ERR_clear_error();
	return error_set(error, ERROR_REFUSED, "%s: %s", what, reason != NULL ?
		reason : "the server closed the connection");
}

/* What a call of OpenSSL wants before it can go on; -1: it failed. */
static int
wait_tls(struct imap_transport *transport, int result, const char *what,
	struct error *error)
{
	switch (SSL_get_error(transport->tls, result)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(transport, POLLIN, error);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(transport, POLLOUT, error);
	default:
		return fail_tls(transport, what, error);
	}
}

/* ---- elsewhere ---- */

int
imap_transport_encrypt(struct imap_transport *transport, const char *host,
	const char *ca_file, struct error *error)
{
	int result;
	transport->context = SSL_CTX_new(TLS_client_method());
	if (transport->context == NULL ||
	    SSL_CTX_set_min_proto_version(transport->context,
	    TLS1_2_VERSION) != 1 || (ca_file != NULL ?
	    SSL_CTX_load_verify_locations(transport->context, ca_file, NULL) :
	    SSL_CTX_set_default_verify_paths(transport->context)) != 1)
		return error_set(error, ERROR_SYSTEM,
			"the certificates of %s cannot be read",
			ca_file != NULL ? ca_file : "this machine");
	SSL_CTX_set_verify(transport->context, SSL_VERIFY_PEER, NULL);
	transport->tls = SSL_new(transport->context);
	X509_VERIFY_PARAM *rules = SSL_get0_param(transport->tls);
	/* An address stands in certificates in a form of its own. */
	if (X509_VERIFY_PARAM_set1_ip_asc(rules, host) != 1 &&
	    (SSL_set1_host(transport->tls, host) != 1 ||
	    SSL_set_tlsext_host_name(transport->tls, host) != 1))
		return error_set(error, ERROR_USAGE,
			"%s is not the name of a host", host);
	SSL_set_fd(transport->tls, transport->fd);
	while ((result = SSL_connect(transport->tls)) != 1)
		if (wait_tls(transport, result, "the TLS handshake failed",
		    error) < 0)
			return -1;
	return 0;
}

static int
connect_to(const struct addrinfo *address)
{
	int fd = socket(address->ai_family,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), failed = 0;
	socklen_t size = sizeof(failed);
	struct pollfd slot = { .fd = fd, .events = POLLOUT };
	if (fd < 0)
		return -1;
	if (connect(fd, address->ai_addr, address->ai_addrlen) == 0 ||
	    (errno == EINPROGRESS && poll(&slot, 1, PATIENCE / 4) == 1 &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) == 0 &&
	    failed == 0))
		return fd;
	if (failed != 0)
		errno = failed;
	close(fd);
	return -1;
}

struct imap_transport *
imap_transport_open_remote(const char *host, const char *port,
	bool is_encrypted, const char *ca_file, struct error *error)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	int fd = -1, result = getaddrinfo(host, port, &hints, &list);
	if (result != 0) {
		error_set(error, ERROR_GONE, "looking for %s: %s", host,
			gai_strerror(result));
		return NULL;
	}
	for (struct addrinfo *at = list; at != NULL && fd < 0; at = at->ai_next)
		fd = connect_to(at);
	if (fd < 0)
		error_set_errno(error, "connecting to %s port %s", host, port);
	freeaddrinfo(list);
	if (fd < 0)
		return NULL;
	struct imap_transport *transport = transport_new(&fd);
	if (is_encrypted && imap_transport_encrypt(transport, host, ca_file,
	    error) < 0) {
		error_wrap(error, "%s port %s", host, port);
		imap_transport_close(&transport);
	}
	return transport;
}

/* ---- bytes ---- */

long
imap_transport_read(struct imap_transport *transport, void *bytes, size_t size,
	struct error *error)
{
	for (;;) {
		if (transport->tls != NULL) {
			int n = SSL_read(transport->tls, bytes, (int)size);
			if (n > 0)
				return n;
			if (SSL_get_error(transport->tls, n) ==
			    SSL_ERROR_ZERO_RETURN)
				return 0;
			if (wait_tls(transport, n, "reading from the server",
			    error) < 0)
				return -1;
			continue;
		}
		ssize_t n = read(transport->fd, bytes, size);
		if (n >= 0)
			return n;
		if (errno != EAGAIN && errno != EINTR)
			return error_set_errno(error, "reading from the server");
		if (wait_for(transport, POLLIN, error) < 0)
			return -1;
	}
}

int
imap_transport_write(struct imap_transport *transport, struct span bytes,
	struct error *error)
{
	while (bytes.size > 0) {
		size_t most = bytes.size < 1 << 20 ? bytes.size : 1 << 20;
		ssize_t n = transport->tls != NULL ?
			SSL_write(transport->tls, bytes.data, (int)most) :
			send(transport->fd, bytes.data, most, MSG_NOSIGNAL);
		if (n > 0) {
			bytes = span_skip(bytes, (size_t)n);
		} else if (transport->tls != NULL) {
			if (wait_tls(transport, (int)n, "writing to the server",
			    error) < 0)
				return -1;
		} else if (errno != EAGAIN && errno != EINTR) {
			return error_set_errno(error, "writing to the server");
		} else if (wait_for(transport, POLLOUT, error) < 0) {
			return -1;
		}
	}
	return 0;
}
