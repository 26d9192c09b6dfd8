/*
 * Addresses and prefix lengths by RTM_GETADDR (rtnetlink(7)): getifaddrs(3)
 * would open a socket each time, which the jail forbids.
 */
#include "names/attached.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

enum { ANSWER_ROOM = 32768, ANSWERS_LIMIT = 256 };

struct attached {
	struct network_address address;
	unsigned prefix;
};

static struct {
	pthread_mutex_t lock;		/* of the following */
	int fd;
	struct attached list[ATTACHED_LIMIT];
	size_t count;
	int64_t asked;			/* monotonic ms */
	bool is_asked;
} state = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* ---- the kernel ---- */

static void
take_address(const struct nlmsghdr *message)
{
	const struct ifaddrmsg *head = NLMSG_DATA(message);
	size_t size = head->ifa_family == AF_INET ? 4 : 16;
	int left = (int)IFA_PAYLOAD(message);
	const struct rtattr *found = NULL;
	if (head->ifa_family != AF_INET && head->ifa_family != AF_INET6)
		return;
	for (const struct rtattr *part = IFA_RTA(head); RTA_OK(part, left);
	    part = RTA_NEXT(part, left)) {
		/* on a link between two, IFA_ADDRESS is the other's */
		if (part->rta_type == IFA_LOCAL ||
		    (part->rta_type == IFA_ADDRESS && found == NULL))
			found = part;
	}
	if (found == NULL || RTA_PAYLOAD(found) < size ||
	    state.count == ATTACHED_LIMIT)
		return;
	struct attached *attached = &state.list[state.count++];
	*attached = (struct attached){ .prefix = head->ifa_prefixlen,
		.address = { .family = head->ifa_family } };
	memcpy(attached->address.bytes, RTA_DATA(found), size);
}

/* False: that was the last of it. */
static bool
take_answer(const char *bytes, ssize_t size)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)
		(const void *)bytes;
	unsigned left = (unsigned)size;
	for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
		if (message->nlmsg_type == NLMSG_DONE ||
		    message->nlmsg_type == NLMSG_ERROR)
			return false;
		if (message->nlmsg_type == RTM_NEWADDR)
			take_address(message);
	}
	return true;
}

/* With the lock held. The kernel answers at once. */
static void
ask_kernel(void)
{
	static char bytes[ANSWER_ROOM]
		__attribute__((aligned(__alignof__(struct nlmsghdr))));
	const struct {
		struct nlmsghdr head;
		struct ifaddrmsg what;
	} request = { .head = { .nlmsg_len = sizeof(request),
		.nlmsg_type = RTM_GETADDR,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	state.asked = clock_monotonic();
	state.is_asked = true;
	if (send(state.fd, &request, sizeof(request), 0) < 0)
		return;
	state.count = 0;
	for (unsigned i = 0; i < ANSWERS_LIMIT; i++) {
		ssize_t n = recv(state.fd, bytes, sizeof(bytes), 0);
		if (n <= 0 || !take_answer(bytes, n))
			return;
	}
}

int
attached_open(struct error *error)
{
	const struct timeval wait = { .tv_usec = 500000 };
	state.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (state.fd < 0)
		return error_set_errno(error, "asking for the addresses of "
			"this machine");
	setsockopt(state.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return 0;
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
