/*
 * Adopting connections. The wire's session only receives; each connection gets
 * a session of its own while its ticket is redeemed, so that a slow answer of
 * auth keeps nobody else waiting. Nothing was said to the client yet: success
 * is answered by the protocol, failure here.
 */
#include "mailbox/adopt.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/memory.h"
#include "mailbox/ticket.h"
#include "serve/counter.h"

enum { AT_ONCE = 16 };	/* connections taken from a wire in one run */

/* A wire from a login process. */
struct adopt_wire {
	struct session session;		/* first */
	const struct mailbox_protocol *protocol;
};

/* A connection whose ticket is being redeemed. */
struct adoption {
	struct session session;		/* first; watches nothing */
	const struct mailbox_protocol *protocol;
	struct handover handover;	/* fds[0] is owned */
	char unread[];
};

/* One of a protocol in an account. */
struct login_count {
	uint64_t count;
};

static struct {
	const struct mailbox *mailbox;
	const struct config *config;
	struct wire_pool *auth;
	pthread_mutex_t lock;		/* of counts */
	struct map counts;		/* service and account -> login_count */
} adopt = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
adopt_init(const struct mailbox *mailbox, const struct config *config,
	struct wire_pool *auth)
{
	adopt.mailbox = mailbox;
	adopt.config = config;
	adopt.auth = auth;
	map_init(&adopt.counts);
}

void
adopt_fini(void)
{
	size_t cursor = 0;
	struct span key;
	void *entry;
	while (map_next(&adopt.counts, &cursor, &key, &entry))
		memory_free(entry);
	map_fini(&adopt.counts);
	wire_pool_free(&adopt.auth);
}

/* ---- sessions of an account ---- */

struct count_key {
	uint64_t account;
	char service[24];
};

static struct span
make_key(struct count_key *key, const char *service, uint64_t account)
{
	memset(key, 0, sizeof(*key));
	key->account = account;
	snprintf(key->service, sizeof(key->service), "%s", service);
	return span_of(key, sizeof(*key));
}

static bool
count_in(const char *service, uint64_t account, uint64_t most)
{
	struct count_key key;
	struct span name = make_key(&key, service, account);
	pthread_mutex_lock(&adopt.lock);
	struct login_count *entry = map_get(&adopt.counts, name);
	if (entry == NULL) {
		entry = memory_new(sizeof(*entry));
		map_put(&adopt.counts, name, entry);
	}
	bool may = most == 0 || entry->count < most;
	entry->count += may;
	pthread_mutex_unlock(&adopt.lock);
	return may;
}

bool
mailbox_login_again(const char *service, uint64_t account)
{
	return mailbox_has_account(adopt.mailbox, account) &&
		count_in(service, account, 0);
}

void
mailbox_logout(const char *service, uint64_t account)
{
	struct count_key key;
	struct span name = make_key(&key, service, account);
	pthread_mutex_lock(&adopt.lock);
	struct login_count *entry = map_get(&adopt.counts, name);
	if (entry != NULL && --entry->count == 0)
		memory_free(map_take(&adopt.counts, name));
	pthread_mutex_unlock(&adopt.lock);
}

/* ---- one connection ---- */

/* Best effort: the client has no other words of ours in its way. */
static void
refuse(struct adoption *adoption, const char *text, const char *reason)
{
	struct buffer line;
	struct log_scope scope = { "", "" };
	memcpy(scope.session, adoption->handover.session,
		sizeof(scope.session));
	scope.session[sizeof(scope.session) - 1] = '\0';
	log_event(LOG_WARN, "login-refused", &scope,
		LOG_TEXT("service", adoption->protocol->ticket),
		LOG_TEXT("reason", reason));
	counter_add(COUNTER_LOGINS_FAILED, 1);
	buffer_init(&line, 0);
	if (adoption->protocol->has_tag)
		buffer_print(&line, "%.*s ", HANDOVER_TAG_SIZE - 1,
			adoption->handover.tag);
	buffer_add_string(&line, text);
	ssize_t n = write(adoption->handover.fds[0], line.data, line.size);
	if (n < 0)
		log_event(LOG_DEBUG, "client-gone", &scope);
	buffer_fini(&line);
}

static void
begin(struct adoption *adoption, const struct ticket *ticket)
{
	const struct handover *handover = &adoption->handover;
	struct mailbox_login login = { .mailbox = adopt.mailbox,
		.fd = handover->fds[0], .account = ticket->account,
		.actor = ticket->actor, .quota = ticket->quota,
		.facts = handover->facts, .unread = handover->unread };
	memcpy(login.user, ticket->user, sizeof(login.user));
	memcpy(login.session, handover->session, sizeof(login.session));
	memcpy(login.tag, handover->tag, sizeof(login.tag));
	login.session[sizeof(login.session) - 1] = '\0';
	login.tag[sizeof(login.tag) - 1] = '\0';
	adoption->handover.fds[0] = -1;
	adoption->protocol->begin(&login);
	file_close(&login.fd);
}

static void
redeem(struct adoption *adoption)
{
	const struct mailbox_protocol *protocol = adoption->protocol;
	const struct mailbox *mailbox = adopt.mailbox;
	struct ticket ticket;
	struct error error;
	switch (ticket_ask(adopt.auth, adoption->handover.ticket,
		protocol->ticket, &ticket, &error)) {
	case TICKET_DENIED:
		refuse(adoption, protocol->denied, error.text);
		return;
	case TICKET_LATER:
		refuse(adoption, protocol->later, error.text);
		return;
	case TICKET_OK:
		break;
	}
	if (!mailbox_has_account(mailbox, ticket.account))
		refuse(adoption, protocol->denied,
			"another process owns the account");
	else if (!ticket_fits(&ticket, adoption->handover.fds[0]))
		refuse(adoption, protocol->denied,
			"the client is not the user whom login named");
	else if (!count_in(protocol->service, ticket.account,
	    config_number(adopt.config, protocol->limit)))
		refuse(adoption, protocol->too_many,
			"too many sessions of the account");
	else
		begin(adoption, &ticket);
}

static enum session_next
adoption_run(struct session *session, enum session_event event)
{
	if (event == SESSION_START)
		redeem((struct adoption *)session);
	return SESSION_CLOSE;
}

static void
adoption_free(struct session **session)
{
	struct adoption *adoption = (struct adoption *)*session;
	for (size_t i = 0; i < HANDOVER_FDS; i++)
		file_close(&adoption->handover.fds[i]);
	memory_free(adoption);
	*session = NULL;
}

static const struct session_type adoption_type = {
	.name = "adoption", .run = adoption_run, .free = adoption_free,
};

static void
adoption_begin(const struct mailbox_protocol *protocol,
	struct handover *handover)
{
	struct span unread = handover->unread;
	struct adoption *adoption = memory_new(sizeof(*adoption) +
		unread.size);
	adoption->session = (struct session){ .type = &adoption_type,
		.fd = -1, .second_fd = -1, .deadline = INT64_MAX };
	adoption->protocol = protocol;
	adoption->handover = *handover;
	if (unread.size > 0)
		memcpy(adoption->unread, unread.data, unread.size);
	adoption->handover.unread = span_of(adoption->unread, unread.size);
	fcntl(handover->fds[0], F_SETFL, O_NONBLOCK);
	lot_add(adopt.mailbox->lot, &adoption->session);
}

/* ---- the wire ---- */

static enum session_next
wire_run(struct session *session, enum session_event event)
{
	struct adopt_wire *wire = (struct adopt_wire *)session;
	char room[HANDOVER_ROOM];
	struct handover handover;
	struct error error;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	if (event != SESSION_READABLE)
		return SESSION_PARK;
	for (unsigned i = 0; i < AT_ONCE; i++) {
		if (handover_receive(session->fd, &handover, room,
			sizeof(room), &error) < 0)
			return error.number == EAGAIN ? SESSION_PARK :
				SESSION_CLOSE;
		if (handover.fds[0] < 0)
			return SESSION_CLOSE;
		adoption_begin(wire->protocol, &handover);
	}
	return SESSION_PARK;
}

static void
wire_free(struct session **session)
{
	file_close(&(*session)->fd);
	memory_free(*session);
	*session = NULL;
}

static const struct session_type wire_type = {
	.name = "handover", .run = wire_run, .free = wire_free,
};

void
adopt_accept(struct lot *lot, struct incoming *incoming)
{
	const struct mailbox_protocol *protocol = mailbox_protocols;
	while (protocol->service != NULL &&
		strcmp(protocol->service, incoming->service) != 0 &&
		strcmp(protocol->owner_service, incoming->service) != 0)
		protocol++;
	assert(protocol->service != NULL);
	struct adopt_wire *wire = memory_new(sizeof(*wire));
	wire->session = (struct session){ .type = &wire_type,
		.fd = incoming->fd, .second_fd = -1, .deadline = INT64_MAX,
		.is_background = true };
	wire->protocol = protocol;
	incoming->fd = -1;
	fcntl(wire->session.fd, F_SETFL, O_NONBLOCK);
	lot_add(lot, &wire->session);
}
