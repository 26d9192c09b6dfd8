/*
 * A transfer: the URL is taken apart, its host asked of `names`, and libcurl
 * told everything it may do. It resolves nothing itself, follows nothing,
 * speaks HTTP/1.1 over TLS and nothing else, and sends its request only to who
 * has a certificate for the name in the URL; so an address inside our network
 * that a stranger's name leads to learns no more than a TLS handshake.
 */
#include "fetch/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "fetch/header.h"
#include "proto/tlswire.h"
#include "serve/names_call.h"

enum {
	AUTHORITIES_LIMIT = 8 << 20,
	ADDRESSES = 8,			/* of a host that are tried */
	HEADERS_LIMIT = 65536,		/* bytes of all lines of an answer */
	TYPE_LIMIT = 256,
};

static struct {
	pthread_mutex_t lock;		/* of authorities */
	struct buffer authorities;
	struct names *names;
	sem_t asking;			/* how many more may ask */
} fetch = { .lock = PTHREAD_MUTEX_INITIALIZER };

int
fetch_start(struct error *error)
{
	if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK)
		return error_set(error, ERROR_SYSTEM, "starting libcurl");
	return 0;
}

int
fetch_trust(int authorities_fd, struct error *error)
{
	struct buffer bytes;
	if (authorities_fd < 0)
		return error_set(error, ERROR_GONE, "fetch_ca_file: there is "
			"no such file, so no host can be verified");
	buffer_init(&bytes, 0);
	if (file_read_descriptor(authorities_fd, AUTHORITIES_LIMIT, &bytes,
	    error) < 0) {
		buffer_fini(&bytes);
		return -1;
	}
	pthread_mutex_lock(&fetch.lock);
	struct buffer old = fetch.authorities;
	fetch.authorities = bytes;
	pthread_mutex_unlock(&fetch.lock);
	buffer_fini(&old);
	return 0;
}

void
fetch_set_names(struct names *names, unsigned at_once)
{
	fetch.names = names;
	sem_init(&fetch.asking, 0, at_once);
}

/* ---- one transfer ---- */

struct transfer {
	const struct fetch_request *request;
	struct arena *arena;
	struct fetch_answer *answer;
	CURL *curl;
	struct curl_slist *resolved, *headers;
	char *host, *port;		/* libcurl's */
	struct buffer body;
	size_t header_bytes;
	char error[CURL_ERROR_SIZE];
};

static bool
fail(struct transfer *transfer, enum fetch_problem problem, const char *reason)
{
	transfer->answer->problem = problem;
	transfer->answer->reason = arena_copy(transfer->arena,
		span_from(reason));
	return false;
}

/* https, a host name, no user: nothing else is understood. */
static bool
take_apart(struct transfer *transfer, const char *url)
{
	CURLU *parts = curl_url();
	char *scheme = NULL, *user = NULL;
	bool ok = parts != NULL &&
		curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		strcmp(scheme, "https") == 0 &&
		curl_url_get(parts, CURLUPART_USER, &user, 0) ==
			CURLUE_NO_USER &&
		curl_url_get(parts, CURLUPART_HOST, &transfer->host, 0) ==
			CURLUE_OK &&
		curl_url_get(parts, CURLUPART_PORT, &transfer->port,
			CURLU_DEFAULT_PORT) == CURLUE_OK &&
		tlswire_name_is_valid(span_from(transfer->host));
	curl_free(scheme);
	curl_free(user);
	curl_url_cleanup(parts);
	return ok || fail(transfer, FETCH_BAD_URL,
		"found something else than https:// and a host");
}

static void
add_addresses(struct buffer *list, const struct names_answer *answer,
	unsigned *count)
{
	char text[NETWORK_TEXT_SIZE];
	for (size_t i = 0; i < answer->count && *count < ADDRESSES; i++) {
		const struct network_address *address =
			&answer->record[i].address;
		network_address_format(address, text);
		buffer_print(list, address->family == AF_INET6 ? "%s[%s]" :
			"%s%s", *count == 0 ? "" : ",", text);
		(*count)++;
	}
}

static void
ask(struct transfer *transfer, struct names_answer *six,
	struct names_answer *four)
{
	struct span host = span_from(transfer->host);
	const struct names_question questions[] = { { host, NAMES_AAAA, six },
		{ host, NAMES_A, four } };
	int64_t deadline = transfer->request->deadline;
	const struct timespec latest = { .tv_sec = deadline / 1000,
		.tv_nsec = deadline % 1000 * 1000000 };
	int result;
	*six = *four = (struct names_answer){ .verdict = NAMES_LATER };
	do {
		result = sem_clockwait(&fetch.asking, CLOCK_MONOTONIC, &latest);
	} while (result < 0 && errno == EINTR);
	if (result < 0)
		return;
	names_ask_all(fetch.names, transfer->arena, questions, 2, deadline);
	sem_post(&fetch.asking);
}

/* "host:port:address,address" is what libcurl is told. */
static bool
resolve(struct transfer *transfer)
{
	struct names_answer six, four;
	struct buffer list;
	unsigned count = 0;
	ask(transfer, &six, &four);
	buffer_init(&list, 0);
	buffer_print(&list, "%s:%s:", transfer->host, transfer->port);
	add_addresses(&list, &four, &count);
	add_addresses(&list, &six, &count);
	if (count > 0)
		transfer->resolved = curl_slist_append(NULL,
			buffer_string(&list));
	buffer_fini(&list);
	if (transfer->resolved != NULL)
		return true;
	if (six.verdict == NAMES_LATER || four.verdict == NAMES_LATER)
		return fail(transfer, FETCH_NAMES,
			"the name of the host could not be asked for");
	return fail(transfer, FETCH_NO_NAME, "the host has no address");
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	buffer_add(&transfer->body, span_of(bytes, size * count));
	/* any other number ends the transfer */
	return buffer_is_overrun(&transfer->body) ? 0 : size * count;
}

static size_t
take_header(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	transfer->header_bytes += size * count;
	if (transfer->header_bytes > HEADERS_LIMIT)
		return 0;
	header_take(transfer->request, transfer->arena,
		span_of(bytes, size * count), transfer->answer);
	return size * count;
}

static void
set_limits(struct transfer *transfer)
{
	CURL *curl = transfer->curl;
	long left = clock_until(transfer->request->deadline);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, left < 1 ? 1L : left);
	curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE,
		(curl_off_t)transfer->request->limit);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->error);
}

/* Everything that could lead elsewhere is closed. */
static bool
set_restrictions(struct transfer *transfer)
{
	CURL *curl = transfer->curl;
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
		(long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION,
		(long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(curl, CURLOPT_RESOLVE, transfer->resolved);
	curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "Posthouse");
	return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") ==
		CURLE_OK;
}

static bool
set_authorities(CURL *curl)
{
	pthread_mutex_lock(&fetch.lock);
	struct curl_blob blob = { .data = fetch.authorities.data,
		.len = fetch.authorities.size, .flags = CURL_BLOB_COPY };
	bool ok = blob.len > 0 && curl_easy_setopt(curl,
		CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK;
	pthread_mutex_unlock(&fetch.lock);
	return ok;
}

static void
set_post(struct transfer *transfer)
{
	struct span type = transfer->request->type;
	struct buffer header;
	buffer_init(&header, 0);
	buffer_print(&header, "Content-Type: %.*s", SPAN_PRINT(type));
	transfer->headers = curl_slist_append(NULL, buffer_string(&header));
	buffer_fini(&header);
	curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(transfer->curl, CURLOPT_POSTFIELDSIZE,
		(long)transfer->request->body.size);
	/* copied, and empty is not "from a callback" */
	curl_easy_setopt(transfer->curl, CURLOPT_COPYPOSTFIELDS,
		transfer->request->body.size == 0 ? "" :
		transfer->request->body.data);
}

static enum fetch_problem
problem_of(CURLcode code, bool is_too_large)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		return FETCH_CONNECT;
	case CURLE_PEER_FAILED_VERIFICATION:
		return FETCH_CERTIFICATE;
	case CURLE_OPERATION_TIMEDOUT:
		return FETCH_TIMEOUT;
	case CURLE_FILESIZE_EXCEEDED:
		return FETCH_TOO_LARGE;
	case CURLE_WRITE_ERROR:
		return is_too_large ? FETCH_TOO_LARGE : FETCH_PROTOCOL;
	default:
		return FETCH_PROTOCOL;
	}
}

static void
finish(struct transfer *transfer, CURLcode code)
{
	struct fetch_answer *answer = transfer->answer;
	const char *type = NULL;
	long status = 0;
	if (code != CURLE_OK) {
		fail(transfer, problem_of(code,
			buffer_is_overrun(&transfer->body) ||
			transfer->header_bytes > HEADERS_LIMIT),
			transfer->error[0] != '\0' ? transfer->error :
			curl_easy_strerror(code));
		return;
	}
	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->curl, CURLINFO_CONTENT_TYPE, &type);
	if (status < 100 || status > 999) {
		fail(transfer, FETCH_PROTOCOL, "the answer has no status");
		return;
	}
	answer->status = (unsigned)status;
	answer->type = arena_copy(transfer->arena,
		span_first(span_from(type), TYPE_LIMIT));
	answer->body = arena_copy(transfer->arena,
		buffer_span(&transfer->body));
}

static void
perform(struct transfer *transfer, const char *method, const char *url)
{
	transfer->curl = curl_easy_init();
	if (transfer->curl == NULL || !set_restrictions(transfer) ||
	    !set_authorities(transfer->curl)) {
		fail(transfer, FETCH_CERTIFICATE,
			"no authorities are known here to verify with");
		return;
	}
	set_limits(transfer);
	if (strcmp(method, "POST") == 0)
		set_post(transfer);
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(transfer->curl, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(transfer->curl, CURLOPT_URL, url);
	finish(transfer, curl_easy_perform(transfer->curl));
}

void
fetch_transfer(const char *method, const struct fetch_request *request,
	struct arena *arena, struct fetch_answer *answer)
{
	struct transfer transfer = { .request = request, .arena = arena,
		.answer = answer };
	const char *url = arena_copy_string(arena, request->url);
	*answer = (struct fetch_answer){ 0 };
	buffer_init(&transfer.body, request->limit > 0 ? request->limit : 1);
	if (take_apart(&transfer, url) && resolve(&transfer))
		perform(&transfer, method, url);
	curl_easy_cleanup(transfer.curl);
	curl_slist_free_all(transfer.resolved);
	curl_slist_free_all(transfer.headers);
	curl_free(transfer.host);
	curl_free(transfer.port);
	buffer_fini(&transfer.body);
}
