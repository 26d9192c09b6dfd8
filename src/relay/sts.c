/* Remembering MTA-STS policies; sts.h. */
#include "relay/sts.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/memory.h"

/* What is known of a domain. */
struct known {
	struct arena arena;		/* of .entry */
	bool has_policy;
	struct mta_sts_entry entry;
	bool is_fetching;		/* by somebody, now */
	int64_t failed;			/* wall ms; 0: the last fetch did not */
	bool is_our_fault;		/* it was not the domain that failed */
};

struct sts {
	pthread_mutex_t lock;		/* of all below */
	pthread_cond_t changed;		/* a fetch has ended */
	struct map domains;		/* -> struct known */
	struct pair_file *file;		/* or NULL */
};

/* ---- the memory ---- */

static void
known_free(struct known *known)
{
	arena_fini(&known->arena);
	memory_free(known);
}

/* One whose time is over, or else any, has to go. */
static void
make_room(struct sts *sts, int64_t now)
{
	size_t cursor = 0;
	struct span key, victim = span_of(NULL, 0);
	void *value;
	while (map_next(&sts->domains, &cursor, &key, &value)) {
		const struct known *known = value;
		if (known->is_fetching)
			continue;
		victim = key;
		if (!known->has_policy ||
			mta_sts_is_expired(&known->entry, now))
			break;
	}
	if (victim.data != NULL)
		known_free(map_take(&sts->domains, victim));
}

static struct known *
get_known(struct sts *sts, struct span domain, int64_t now)
{
	struct known *known = map_get(&sts->domains, domain);
	if (known != NULL)
		return known;
	if (map_count(&sts->domains) >= STS_LIMIT)
		make_room(sts, now);
	known = memory_new(sizeof(*known));
	arena_init(&known->arena, 0);
	map_put(&sts->domains, domain, known);
	return known;
}

/* By way of its line, which is what a restart would read. */
static bool
remember(struct known *known, struct span line)
{
	struct arena arena;
	struct mta_sts_entry entry;
	arena_init(&arena, 0);
	if (!mta_sts_entry_decode(arena_copy(&arena, line), &arena, &entry)) {
		arena_fini(&arena);
		return false;
	}
	arena_fini(&known->arena);
	known->arena = arena;
	known->entry = entry;
	known->has_policy = true;
	known->failed = 0;
	known->is_our_fault = false;
	return true;
}

/* ---- the file ---- */

struct reading {
	struct sts *sts;
	int64_t now;
};

static void
read_line(void *context, struct span line)
{
	struct reading *reading = context;
	struct mta_sts_entry entry;
	struct arena arena;
	arena_init(&arena, 0);
	if (mta_sts_entry_decode(line, &arena, &entry) &&
		!mta_sts_is_expired(&entry, reading->now))
		remember(get_known(reading->sts, entry.domain, reading->now),
			line);
	arena_fini(&arena);
}

static int
write_anew(struct sts *sts, struct error *error)
{
	struct buffer out;
	struct span key;
	void *value;
	size_t cursor = 0;
	buffer_init(&out, 0);
	while (map_next(&sts->domains, &cursor, &key, &value)) {
		const struct known *known = value;
		if (known->has_policy)
			mta_sts_entry_encode(&out, &known->entry);
	}
	int result = pair_file_replace(sts->file, buffer_span(&out), error);
	buffer_fini(&out);
	return result;
}

/* What has just been remembered, as its line with LF. */
static void
save(struct sts *sts, struct span line, const struct log_scope *scope)
{
	struct error error;
	if (sts->file == NULL)
		return;
	if ((pair_file_is_wasteful(sts->file) ? write_anew(sts, &error) :
		pair_file_add(sts->file, line, &error)) < 0)
		log_event(LOG_WARN, "sts-file-not-written", scope,
			LOG_TEXT("reason", error.text));
}

struct sts *
sts_new(struct pair_file **file, int64_t now)
{
	struct sts *new = memory_new(sizeof(*new));
	pthread_mutex_init(&new->lock, NULL);
	pthread_cond_init(&new->changed, NULL);
	map_init(&new->domains);
	new->file = *file;
	*file = NULL;
	if (new->file != NULL)
		pair_file_read(new->file, read_line, &(struct reading){
			.sts = new, .now = now });
	return new;
}

void
sts_free(struct sts **sts)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	if (*sts == NULL)
		return;
	while (map_next(&(*sts)->domains, &cursor, &key, &value))
		known_free(value);
	map_fini(&(*sts)->domains);
	pair_file_close(&(*sts)->file);
	pthread_cond_destroy(&(*sts)->changed);
	pthread_mutex_destroy(&(*sts)->lock);
	memory_free(*sts);
	*sts = NULL;
}

/* ---- fetching ---- */

/*
 * The id of the domain's TXT record; empty when there is none or the DNS is
 * silent. *is_lost: silent by our own fault, or of a signed domain; others have servers that
 * fail at such names for ever, and whoever forges can as well say "none".
 */
static struct span
ask_id(struct span domain, const struct sts_world *world, struct arena *arena,
	bool *is_lost)
{
	struct names_answer answer;
	struct span id = { NULL, 0 };
	next_hop_ask(world->names, arena, mta_sts_question(arena, domain),
		NAMES_TXT, &answer);
	*is_lost = answer.verdict == NAMES_LATER &&
		(world->is_signed || answer.is_ours);
	if (answer.verdict != NAMES_FOUND)
		return id;
	struct span *txt = arena_new_array(arena, answer.count, sizeof(*txt));
	for (size_t i = 0; i < answer.count; i++)
		txt[i] = answer.record[i].txt;
	return mta_sts_find_id(txt, answer.count, &id) ? id :
		span_of(NULL, 0);
}

static void
log_failure(struct span domain, const struct sts_world *world,
	struct span reason)
{
	log_event(LOG_INFO, "mta-sts-not-fetched", world->scope,
		LOG_SPAN("domain", domain), LOG_SPAN("reason", reason));
}

/* The entry as its line without LF; empty when there is no policy. */
static struct span
fetch_line(struct span domain, struct span id, const struct sts_world *world,
	struct arena *arena, bool *is_our_fault)
{
	const struct fetch_request request = { .limit = MTA_STS_POLICY_LIMIT,
		.url = mta_sts_url(arena, domain), .deadline =
		clock_monotonic() + MTA_STS_FETCH_TIMEOUT };
	struct fetch_answer answer = { .problem = FETCH_PROTOCOL };
	struct mta_sts_entry entry = { .domain = domain, .id = id,
		.fetched = world->now };
	struct span line = { NULL, 0 };
	struct error error;
	struct buffer out;
	*is_our_fault = world->fetch(world->fetcher, &request, arena, &answer,
		&error) < 0;
	if (*is_our_fault) {
		log_failure(domain, world, span_from(error.text));
		return line;
	}
	/* RFC 8461 3.3: nothing but 200 is a policy. */
	if (answer.problem != FETCH_DONE || answer.status != 200 ||
		!mta_sts_is_media_type(answer.type)) {
		log_failure(domain, world, answer.problem != FETCH_DONE ?
			answer.reason : SPAN("not 200, or not text/plain"));
		return line;
	}
	enum mta_sts_verdict verdict = mta_sts_parse(answer.body, arena,
		&entry.policy);
	if (verdict != MTA_STS_OK) {
		log_failure(domain, world,
			span_from(mta_sts_words(verdict)));
		return line;
	}
	buffer_init(&out, 0);
	if (mta_sts_entry_encode(&out, &entry))
		line = arena_copy(arena, span_trim(buffer_span(&out)));
	buffer_fini(&out);
	return line;
}

/* With the lock held, which is given up meanwhile. */
static void
refresh(struct sts *sts, struct span domain, struct span id,
	const struct sts_world *world, struct arena *arena)
{
	struct known *known = get_known(sts, domain, world->now);
	bool is_our_fault;
	known->is_fetching = true;
	pthread_mutex_unlock(&sts->lock);
	struct span line = fetch_line(domain, id, world, arena, &is_our_fault);
	pthread_mutex_lock(&sts->lock);
	known->is_fetching = false;
	if (line.size > 0 && remember(known, line)) {
		save(sts, arena_print(arena, "%.*s\n", SPAN_PRINT(line)),
			world->scope);
	} else {
		/* only the domain's own fault is worth a pause */
		known->failed = is_our_fault ? 0 : world->now;
		known->is_our_fault = is_our_fault;
	}
	pthread_cond_broadcast(&sts->changed);
}

/* ---- asking ---- */

static bool
is_good(const struct known *known, int64_t now)
{
	return known != NULL && known->has_policy &&
		!mta_sts_is_expired(&known->entry, now);
}

static bool
is_to_be_fetched(const struct known *known, struct span id, int64_t now)
{
	if (known != NULL && known->failed != 0 &&
		now >= known->failed && now - known->failed < STS_RETRY)
		return false;
	if (!is_good(known, now))
		return id.size > 0;
	return mta_sts_is_stale(&known->entry, id, now);
}

static void
copy_policy(const struct mta_sts_policy *from, struct arena *arena,
	struct mta_sts_policy *to)
{
	struct span *mx = arena_new_array(arena, from->mx_count, sizeof(*mx));
	for (size_t i = 0; i < from->mx_count; i++)
		mx[i] = arena_copy(arena, from->mx[i]);
	*to = *from;
	to->mx = mx;
}

enum tls_sts
sts_find(struct sts *sts, struct span domain, const struct sts_world *world,
	struct arena *arena, struct mta_sts_policy *policy)
{
	bool is_lost, is_unknown = false;
	struct span id = ask_id(domain, world, arena, &is_lost);
	enum mta_sts_mode mode = MTA_STS_NONE;
	pthread_mutex_lock(&sts->lock);
	struct known *known = map_get(&sts->domains, domain);
	/* Who has no policy yet waits for the one that comes; with an old one
	 * there is no need. */
	while (known != NULL && known->is_fetching &&
		!is_good(known, world->now)) {
		pthread_cond_wait(&sts->changed, &sts->lock);
		known = map_get(&sts->domains, domain);
	}
	if ((known == NULL || !known->is_fetching) &&
		is_to_be_fetched(known, id, world->now))
		refresh(sts, domain, id, world, arena);
	known = map_get(&sts->domains, domain);
	if (is_good(known, world->now)) {
		copy_policy(&known->entry.policy, arena, policy);
		mode = policy->mode;
	} else {
		if (world->is_unfetched != NULL && id.size > 0 &&
		    known != NULL && known->failed != 0)
			*world->is_unfetched = true;
		is_unknown = is_lost || (id.size > 0 && known != NULL &&
			known->is_our_fault);
	}
	pthread_mutex_unlock(&sts->lock);
	return is_unknown ? TLS_STS_UNKNOWN :
		mode == MTA_STS_ENFORCE ? TLS_STS_ENFORCE :
		mode == MTA_STS_TESTING ? TLS_STS_TESTING : TLS_STS_NOT;
}
