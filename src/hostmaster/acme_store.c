#include "hostmaster/acme_store.h"

#include <fcntl.h>
#include <pthread.h>

#include "base/file.h"
#include "base/state_file.h"
#include "serve/counter.h"

/* Locked: store.lock. */
static struct {
	pthread_mutex_t lock;
	struct buffer blob;
	int fd;
} store = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static int
read_blob(int fd, struct buffer *blob, struct error *error)
{
	struct arena arena;
	if (fd < 0)
		return error_set(error, ERROR_GONE,
			"master sent no descriptor of acme_chain_file");
	if (state_file_read(fd, blob, error) < 0)
		return -1;
	arena_init(&arena, 0);
	struct acme_state *state = arena_new(&arena, sizeof(*state));
	bool ok = acme_state_read(buffer_span(blob), &arena, state);
	arena_fini(&arena);
	return ok ? 0 : error_set(error, ERROR_DAMAGED,
		"acme_chain_file holds something else");
}

/* Read with the lock held: what is put meanwhile would be in the file, and what
 * was read before it in its place. */
int
acme_store_open(int fd, struct error *error)
{
	struct buffer blob;
	buffer_init(&blob, 0);
	pthread_mutex_lock(&store.lock);
	int result = read_blob(fd, &blob, error);
	/* master's own is closed with the next reload */
	int own = result < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	file_close(&store.fd);
	store.fd = own;
	if (own >= 0) {
		buffer_fini(&store.blob);
		store.blob = blob;
		buffer_init(&blob, 0);
	}
	pthread_mutex_unlock(&store.lock);
	buffer_fini(&blob);
	return own < 0 && result == 0 ?
		error_set_errno(error, "keeping acme_chain_file open") : result;
}

void
acme_store_get(struct arena *arena, struct acme_state *state)
{
	pthread_mutex_lock(&store.lock);
	struct span copy = arena_copy(arena, buffer_span(&store.blob));
	pthread_mutex_unlock(&store.lock);
	acme_state_read(copy, arena, state);
}

int
acme_store_put(const struct acme_state *state, struct error *error)
{
	struct buffer blob;
	buffer_init(&blob, ACME_STATE_LIMIT);
	acme_state_write(state, &blob);
	pthread_mutex_lock(&store.lock);
	int result = store.fd < 0 ? error_set(error, ERROR_GONE,
		"acme_chain_file is not there") :
		buffer_is_overrun(&blob) ? error_set(error, ERROR_LATER,
		"what is to be kept of certificates is too much") :
		state_file_write(store.fd, buffer_span(&blob), error);
	if (result == 0) {
		struct buffer old = store.blob;
		store.blob = blob;
		blob = old;
		counter_generations()->certificate++;
	}
	pthread_mutex_unlock(&store.lock);
	buffer_fini(&blob);
	return result;
}
