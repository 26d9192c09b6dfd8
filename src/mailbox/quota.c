/*
 * Who is over quota, told to auth in the background: stored is stored, whether
 * auth hears of it now or later.
 */
#include "mailbox/quota.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/memory.h"
#include "serve/tab_call.h"

enum {
	KNOWN_LIMIT = 100000,	/* accounts whose state is remembered */
	PENDING_LIMIT = 4096,	/* not told yet */
	AT_ONCE = 64,		/* lines in one write */
	TELL_WAIT = 5000,	/* ms for auth */
	TRY_AGAIN = 5000,	/* ms after a failure */
};

struct news {
	uint64_t account;
	bool is_over;
};

static struct {
	struct session session;		/* holds no descriptor */
	struct wire_pool *auth;
	pthread_mutex_t lock;		/* of all below */
	bool is_alive;			/* session may be nudged */
	struct map known;		/* account -> &over or &under */
	struct news pending[PENDING_LIMIT];
	size_t count;
} quota = { .lock = PTHREAD_MUTEX_INITIALIZER };

static char over, under;

bool
quota_is_news(uint64_t account, bool is_over)
{
	void *state = is_over ? &over : &under;
	struct span key = map_key_u64(&account);
	pthread_mutex_lock(&quota.lock);
	bool is_news = map_get(&quota.known, key) != state;
	if (is_news) {
		if (map_count(&quota.known) >= KNOWN_LIMIT) {
			map_fini(&quota.known);
			map_init(&quota.known);
		}
		map_put(&quota.known, key, state);
	}
	pthread_mutex_unlock(&quota.lock);
	return is_news;
}

static void
forget(uint64_t account)
{
	map_take(&quota.known, map_key_u64(&account));
}

/* What does not fit is forgotten, so that the next note is news again. */
static void
add_pending(uint64_t account, bool is_over)
{
	pthread_mutex_lock(&quota.lock);
	if (quota.count == PENDING_LIMIT)
		forget(account);
	else
		quota.pending[quota.count++] = (struct news){ account,
			is_over };
	if (quota.is_alive)
		session_nudge(&quota.session);
	pthread_mutex_unlock(&quota.lock);
}

void
mailbox_quota_note(struct store_account *account)
{
	struct store_quota now;
	store_quota_get(account, &now);
	if (now.bytes_limit == 0)
		return;
	uint64_t id = store_account_id(account);
	bool is_over = now.bytes >= now.bytes_limit;
	if (quota_is_news(id, is_over))
		add_pending(id, is_over);
}

static size_t
take_pending(struct news *news)
{
	pthread_mutex_lock(&quota.lock);
	size_t count = quota.count < AT_ONCE ? quota.count : AT_ONCE;
	memcpy(news, quota.pending, count * sizeof(*news));
	quota.count -= count;
	memmove(quota.pending, quota.pending + count,
		quota.count * sizeof(*news));
	pthread_mutex_unlock(&quota.lock);
	return count;
}

static int
tell(struct wire *wire, const struct news *news, size_t count)
{
	struct buffer out;
	struct span line;
	struct error error;
	buffer_init(&out, 0);
	for (size_t i = 0; i < count; i++)
		buffer_print(&out, "QUOTA\t%zu\t%llx\t%s\n", i + 1,
			(unsigned long long)news[i].account,
			news[i].is_over ? "over" : "under");
	int result = tab_call_send(wire, buffer_span(&out), &error);
	buffer_fini(&out);
	/* An account that auth does not know any more is answered FAIL. */
	for (size_t i = 0; i < count && result == 0; i++)
		result = tab_call_read(wire, &line, &error);
	return result;
}

/* Those that could not be told are news again, at their next note. */
static void
forget_all(const struct news *news, size_t count)
{
	pthread_mutex_lock(&quota.lock);
	for (size_t i = 0; i < count; i++)
		forget(news[i].account);
	pthread_mutex_unlock(&quota.lock);
}

static bool
tell_some(void)
{
	struct news news[AT_ONCE];
	struct error error;
	size_t count = take_pending(news);
	if (count == 0)
		return false;
	struct wire *wire = wire_take(quota.auth,
		clock_monotonic() + TELL_WAIT, &error);
	int result = wire == NULL ? -1 : tell(wire, news, count);
	if (wire != NULL && result == 0)
		wire_give(&wire);
	else if (wire != NULL)
		wire_drop(&wire);
	if (result < 0) {
		log_event(LOG_WARN, "quota-untold", NULL,
			LOG_NUMBER("accounts", count));
		forget_all(news, count);
	}
	return result == 0;
}

static enum session_next
quota_run(struct session *session, enum session_event event)
{
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	while (tell_some())
		continue;
	pthread_mutex_lock(&quota.lock);
	session->deadline = quota.count == 0 ? INT64_MAX :
		clock_monotonic() + TRY_AGAIN;
	pthread_mutex_unlock(&quota.lock);
	return SESSION_PARK;
}

static void
quota_free(struct session **session)
{
	pthread_mutex_lock(&quota.lock);
	quota.is_alive = false;
	pthread_mutex_unlock(&quota.lock);
	*session = NULL;
}

static const struct session_type quota_type = {
	.name = "quota", .run = quota_run, .free = quota_free,
};

void
quota_start(struct lot *lot, struct wire_pool *auth)
{
	pthread_mutex_lock(&quota.lock);
	quota.auth = auth;
	quota.session = (struct session){ .type = &quota_type, .fd = -1,
		.second_fd = -1, .deadline = INT64_MAX,
		.is_background = true, .is_own_work = true };
	quota.is_alive = true;
	lot_add(lot, &quota.session);
	pthread_mutex_unlock(&quota.lock);
}
