/* See talk.h. */
#include "ldap/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

/* ---- trust ---- */

enum { TRUST_LIMIT = 16 };

static struct {
	pthread_mutex_t lock;
	char *path[TRUST_LIMIT];
	void *context[TRUST_LIMIT];
	size_t count;
} trusted = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void *
load_trust(const char *path, struct error *error)
{
	LDAP *template = NULL;
	void *context = NULL;
	int demand = LDAP_OPT_X_TLS_DEMAND, server = 0;
	if (access(path, R_OK) < 0) {
		error_set_errno(error, "tls_ca_cert_file: opening %s (one that "
			"is new needs a restart)", path);
		return NULL;
	}
	if (ldap_initialize(&template, "ldap://localhost") != LDAP_SUCCESS ||
		ldap_set_option(template, LDAP_OPT_X_TLS_REQUIRE_CERT,
		&demand) != LDAP_SUCCESS || ldap_set_option(template,
		LDAP_OPT_X_TLS_CACERTFILE, path) != LDAP_SUCCESS ||
		ldap_set_option(template, LDAP_OPT_X_TLS_NEWCTX, &server) !=
		LDAP_SUCCESS || ldap_get_option(template, LDAP_OPT_X_TLS_CTX,
		&context) != LDAP_SUCCESS || context == NULL)
		error_set(error, ERROR_USAGE,
			"tls_ca_cert_file: %s holds no certificates", path);
	if (template != NULL)
		ldap_unbind_ext(template, NULL, NULL);
	return context;
}

void *
talk_trust(const char *ca_file, struct error *error)
{
	const char *path = ca_file != NULL ? ca_file :
		"/etc/ssl/certs/ca-certificates.crt";
	void *found = NULL;
	pthread_mutex_lock(&trusted.lock);
	for (size_t i = 0; i < trusted.count; i++)
		if (strcmp(trusted.path[i], path) == 0)
			found = trusted.context[i];
	if (found == NULL && trusted.count == TRUST_LIMIT)
		error_set(error, ERROR_LATER, "too many CA files");
	else if (found == NULL && (found = load_trust(path, error)) != NULL) {
		trusted.path[trusted.count] = memory_copy_string(path);
		trusted.context[trusted.count++] = found;
	}
	pthread_mutex_unlock(&trusted.lock);
	return found;
}

/* ---- connections ---- */

static bool
await_connected(int fd, int64_t deadline)
{
	struct pollfd slot = { .fd = fd, .events = POLLOUT };
	int n;
	socklen_t size = sizeof(n);
	do {
		n = poll(&slot, 1, clock_until(deadline));
	} while (n < 0 && errno == EINTR);
	if (n <= 0) {
		errno = ETIMEDOUT;
		return false;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &n, &size) < 0)
		return false;
	errno = n;
	return n == 0;
}

/* libldap gets a socket that blocks, but never for longer than a question may
 * take. */
static int
open_socket(const struct network_address *address, int64_t deadline,
	struct error *error)
{
	struct sockaddr_storage to;
	char text[NETWORK_TEXT_SIZE];
	socklen_t size = network_address_to_socket(address, &to);
	const struct timeval limit = { .tv_sec = SOURCE_WAIT / 1000 };
	int fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC |
		SOCK_NONBLOCK, 0);
	network_address_format(address, text);
	if (fd >= 0 && ((connect(fd, (struct sockaddr *)&to, size) < 0 &&
		(errno != EINPROGRESS || !await_connected(fd, deadline))) ||
		fcntl(fd, F_SETFL, 0) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
		sizeof(limit)) < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO,
		&limit, sizeof(limit)) < 0)) {
		error_set_errno(error, "connecting to %s:%u", text,
			address->port);
		file_close(&fd);
	} else if (fd < 0) {
		error_set_errno(error, "making a socket");
	}
	return fd;
}

static enum source_verdict
fail(int code, const char *what, struct error *error)
{
	error_set(error, ERROR_LATER, "%s: %s", what, ldap_err2string(code));
	switch (code) {
	case LDAP_SERVER_DOWN:
	case LDAP_TIMEOUT:
	case LDAP_CONNECT_ERROR:
	case LDAP_DECODING_ERROR:
	case LDAP_ENCODING_ERROR:
	case LDAP_LOCAL_ERROR:
	case LDAP_NO_MEMORY:
	case LDAP_PROTOCOL_ERROR:
	case LDAP_BUSY:
	case LDAP_UNAVAILABLE:
		return SOURCE_AWAY;
	default:
		return SOURCE_ODD;
	}
}

/* The whole answer to a request, within the deadline. LDAP_SUCCESS: *answer is
 * the caller's; the server's own verdict is in it. */
static int
await_answer(LDAP *connection, int id, int64_t deadline, LDAPMessage **answer)
{
	int left = clock_until(deadline);
	struct timeval wait = { .tv_sec = left / 1000,
		.tv_usec = left % 1000 * 1000 };
	int code = LDAP_SUCCESS;
	*answer = NULL;
	switch (ldap_result(connection, id, LDAP_MSG_ALL, &wait, answer)) {
	case 0:
		ldap_abandon_ext(connection, id, NULL, NULL);
		return LDAP_TIMEOUT;
	case -1:
		ldap_get_option(connection, LDAP_OPT_RESULT_CODE, &code);
		return code == LDAP_SUCCESS ? LDAP_SERVER_DOWN : code;
	default:
		return LDAP_SUCCESS;
	}
}

/* The code in an answer that is nothing but one; the answer is freed. */
static int
take_code(LDAP *connection, LDAPMessage *answer)
{
	int code = LDAP_DECODING_ERROR;
	int result = ldap_parse_result(connection, answer, &code, NULL, NULL,
		NULL, NULL, 1);
	return result == LDAP_SUCCESS ? code : result;
}

/* Whose certificate is it (RFC 4513 3.1.3)? libldap would look for its own host's
 * name, since it did not open the connection. */
static bool
is_of_server(LDAP *connection, const struct ldap_server *server)
{
	struct berval der = { 0, NULL };
	struct network_address address;
	if (ldap_get_option(connection, LDAP_OPT_X_TLS_PEERCERT, &der) !=
		LDAP_SUCCESS || der.bv_val == NULL)
		return false;
	const unsigned char *at = (const unsigned char *)der.bv_val;
	X509 *certificate = d2i_X509(NULL, &at, (long)der.bv_len);
	bool result = false;
	if (certificate != NULL && network_address_parse(server->host,
		&address))
		result = X509_check_ip(certificate, address.bytes,
			address.family == AF_INET ? 4 : 16, 0) == 1;
	else if (certificate != NULL)
		result = X509_check_host(certificate, server->host.data,
			server->host.size,
			X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
	X509_free(certificate);
	ldap_memfree(der.bv_val);
	return result;
}

static int
start_tls(LDAP *connection, void *trust, const struct ldap_server *server,
	int64_t deadline)
{
	LDAPMessage *answer = NULL;
	/* The chain is verified as the context says, in any case. */
	int id, name_only = LDAP_OPT_X_TLS_ALLOW;
	int code = ldap_set_option(connection, LDAP_OPT_X_TLS_CTX, trust);
	if (code == LDAP_SUCCESS)
		code = ldap_set_option(connection, LDAP_OPT_X_TLS_REQUIRE_CERT,
			&name_only);
	if (code == LDAP_SUCCESS && !server->is_ldaps) {
		code = ldap_start_tls(connection, NULL, NULL, &id);
		if (code == LDAP_SUCCESS)
			code = await_answer(connection, id, deadline, &answer);
		if (code == LDAP_SUCCESS)
			code = take_code(connection, answer);
	}
	if (code == LDAP_SUCCESS)
		code = ldap_install_tls(connection);
	return code == LDAP_SUCCESS && !is_of_server(connection, server) ?
		LDAP_X_CONNECTING : code;
}

static int
set_limits(LDAP *connection, int64_t deadline)
{
	int version = LDAP_VERSION3, left = clock_until(deadline);
	ber_len_t most = TALK_ANSWER_LIMIT;
	Sockbuf *socket = NULL;
	struct timeval wait = { .tv_sec = left / 1000 + 1 };
	if (ldap_set_option(connection, LDAP_OPT_PROTOCOL_VERSION, &version) !=
		LDAP_SUCCESS || ldap_set_option(connection, LDAP_OPT_REFERRALS,
		LDAP_OPT_OFF) != LDAP_SUCCESS || ldap_set_option(connection,
		LDAP_OPT_NETWORK_TIMEOUT, &wait) != LDAP_SUCCESS ||
		ldap_set_option(connection, LDAP_OPT_TIMEOUT, &wait) !=
		LDAP_SUCCESS || ldap_get_option(connection, LDAP_OPT_SOCKBUF,
		&socket) != LDAP_SUCCESS || socket == NULL ||
		ber_sockbuf_ctrl(socket, LBER_SB_OPT_SET_MAX_INCOMING,
		&most) < 0)
		return LDAP_LOCAL_ERROR;
	return LDAP_SUCCESS;
}

static LDAP *
begin(const struct ldap_settings *settings, const struct ldap_server *server,
	void *trust, int *fd, int64_t deadline, struct error *error)
{
	LDAP *connection = NULL;
	int code = ldap_init_fd(*fd, LDAP_PROTO_TCP, server->uri, &connection);
	if (code == LDAP_SUCCESS) {
		*fd = -1;
		code = set_limits(connection, deadline);
	}
	if (code == LDAP_SUCCESS && (settings->is_tls || server->is_ldaps))
		code = start_tls(connection, trust, server, deadline);
	if (code == LDAP_SUCCESS)
		return connection;
	char *detail = NULL;
	if (code == LDAP_X_CONNECTING)
		error_set(error, ERROR_REFUSED, "the certificate of %s is of "
			"another host", server->uri);
	else if (connection != NULL)
		ldap_get_option(connection, LDAP_OPT_DIAGNOSTIC_MESSAGE,
			&detail);
	if (code != LDAP_X_CONNECTING)
		error_set(error, ERROR_LATER, "beginning with %s: %s%s%s",
			server->uri, ldap_err2string(code), detail == NULL ?
			"" : ": ", detail == NULL ? "" : detail);
	ldap_memfree(detail);
	talk_disconnect(connection);
	return NULL;
}

LDAP *
talk_connect(const struct ldap_settings *settings, void *trust,
	int64_t deadline, struct error *error)
{
	LDAP *connection = NULL;
	for (size_t i = 0; i < settings->server_count && connection == NULL;
		i++) {
		const struct ldap_server *server = &settings->server[i];
		struct network_address address[SOURCE_ADDRESSES];
		size_t count = source_resolve(server->host, server->port,
			deadline, address, error);
		for (size_t j = 0; j < count && connection == NULL &&
			clock_until(deadline) > 0; j++) {
			int fd = open_socket(&address[j], deadline, error);
			if (fd >= 0)
				connection = begin(settings, server, trust,
					&fd, deadline, error);
			file_close(&fd);
		}
	}
	return connection;
}

void
talk_disconnect(LDAP *connection)
{
	if (connection != NULL)
		ldap_unbind_ext(connection, NULL, NULL);
}

/* ---- questions ---- */

enum source_verdict
talk_bind(LDAP *connection, const char *dn, struct span password,
	int64_t deadline, struct error *error)
{
	struct berval secret = { .bv_len = password.size,
		.bv_val = (char *)(uintptr_t)password.data };
	LDAPMessage *answer = NULL;
	int id, code = ldap_sasl_bind(connection, dn, LDAP_SASL_SIMPLE,
		&secret, NULL, NULL, &id);
	if (code == LDAP_SUCCESS)
		code = await_answer(connection, id, deadline, &answer);
	if (code == LDAP_SUCCESS)
		code = take_code(connection, answer);
	switch (code) {
	case LDAP_SUCCESS:
		return SOURCE_FOUND;
	case LDAP_INVALID_CREDENTIALS:
	case LDAP_INAPPROPRIATE_AUTH:
	case LDAP_NO_SUCH_OBJECT:
	case LDAP_CONSTRAINT_VIOLATION:
		error_set(error, ERROR_REFUSED, "binding: %s",
			ldap_err2string(code));
		return SOURCE_NOT_FOUND;
	default:
		return fail(code, "binding", error);
	}
}

/* Of the whole answer: one entry, none, or not an answer. */
static enum source_verdict
judge(LDAP *connection, LDAPMessage *answer, struct error *error)
{
	int code = LDAP_DECODING_ERROR;
	int count = ldap_count_entries(connection, answer);
	int result = ldap_parse_result(connection, answer, &code, NULL, NULL,
		NULL, NULL, 0);
	if (result != LDAP_SUCCESS)
		return fail(result, "reading", error);
	if (count > 1 || code == LDAP_SIZELIMIT_EXCEEDED) {
		error_set(error, ERROR_DAMAGED,
			"the answer has several entries, not one");
		return SOURCE_ODD;
	}
	/* Also "no such object": what is missing is the base. */
	if (code != LDAP_SUCCESS)
		return fail(code, "searching", error);
	return count == 1 ? SOURCE_FOUND : SOURCE_NOT_FOUND;
}

enum source_verdict
talk_find(LDAP *connection, const struct talk_search *search,
	LDAPMessage **answer, struct error *error)
{
	int id, left = clock_until(search->deadline);
	struct timeval wait = { .tv_sec = left / 1000 + 1 };
	char *names[SETTINGS_ATTRIBUTES + 1];
	memcpy(names, search->attributes->name, sizeof(names));
	*answer = NULL;
	int code = ldap_search_ext(connection, search->settings->base,
		search->settings->scope, search->filter.data, names, 0, NULL,
		NULL, &wait, 2, &id);
	if (code == LDAP_SUCCESS)
		code = await_answer(connection, id, search->deadline, answer);
	if (code != LDAP_SUCCESS)
		return fail(code, "searching", error);
	enum source_verdict verdict = judge(connection, *answer, error);
	if (verdict != SOURCE_FOUND) {
		ldap_msgfree(*answer);
		*answer = NULL;
	}
	return verdict;
}
