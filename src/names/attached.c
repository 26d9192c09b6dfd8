/* See attached.h; the kernel is asked by serve/own_addresses.h. */
#include "names/attached.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "serve/own_addresses.h"

static struct {
	pthread_mutex_t lock;		/* of the following */
	int fd;
	struct own_address list[OWN_ADDRESSES_LIMIT];
	size_t count;
	int64_t asked;			/* monotonic ms */
	bool is_asked;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* With the lock held. */
static void
ask_kernel(void)
{
	int count = own_addresses_ask(state.fd, state.list);
	state.asked = clock_monotonic();
	state.is_asked = true;
	if (count >= 0)
		state.count = (size_t)count;
}

int
attached_open(struct error *error)
{
	return own_addresses_open(&state.fd, error);
}

void
attached_close(void)
{
	file_close(&state.fd);
	state.count = 0;
}

/* ---- questions ---- */

static bool
is_private(const struct network_address *address)
{
	const uint8_t *bytes = address->bytes;
	if (address->family == AF_INET6)
		return (bytes[0] & 0xfe) == 0xfc;
	return address->family == AF_INET && (bytes[0] == 10 ||
		(bytes[0] == 172 && (bytes[1] & 0xf0) == 16) ||
		(bytes[0] == 192 && bytes[1] == 168));
}

static bool
is_same(const struct network_address *a, const struct network_address *b,
	unsigned prefix)
{
	unsigned whole = prefix / 8, rest = prefix % 8;
	if (a->family != b->family || whole > sizeof(a->bytes) ||
	    memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) &
		(0xff00 >> rest) & 0xff) == 0;
}

/* With the lock held. */
static bool
is_in_list(const struct network_address *address, bool is_exact)
{
	for (size_t i = 0; i < state.count; i++) {
		unsigned whole = address->family == AF_INET ? 32 : 128;
		if (is_same(address, &state.list[i].address, is_exact ?
			whole : state.list[i].prefix))
			return true;
	}
	return false;
}

static bool
find(const struct network_address *address, bool is_exact)
{
	pthread_mutex_lock(&state.lock);
	bool result = is_in_list(address, is_exact);
	if (!result && state.fd >= 0 && (!state.is_asked ||
	    clock_monotonic() - state.asked >= ATTACHED_FRESH)) {
		ask_kernel();
		result = is_in_list(address, is_exact);
	}
	pthread_mutex_unlock(&state.lock);
	return result;
}

bool
attached_is_neighbour(const struct network_address *client)
{
	return is_private(client) && find(client, false);
}

bool
attached_is_own(const struct network_address *address)
{
	return find(address, true);
}
