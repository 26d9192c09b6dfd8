/*
 * RTM_GETADDR (rtnetlink(7)): getifaddrs(3) would open a socket each time,
 * which jails forbid.
 */
#include "serve/own_addresses.h"

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/file.h"

enum { ANSWER_ROOM = 32768, ANSWERS_LIMIT = 256 };

struct asking {
	struct own_address *list;
	int count;
};

static void
take_address(const struct nlmsghdr *message, struct asking *asking)
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
	    asking->count == OWN_ADDRESSES_LIMIT)
		return;
	struct own_address *own = &asking->list[asking->count++];
	*own = (struct own_address){ .prefix = head->ifa_prefixlen,
		.is_passing = (head->ifa_flags & (IFA_F_TEMPORARY |
			IFA_F_DEPRECATED | IFA_F_TENTATIVE |
			IFA_F_DADFAILED)) != 0,
		.address = { .family = head->ifa_family } };
	memcpy(own->address.bytes, RTA_DATA(found), size);
}

/* False: that was the last of it. */
static bool
take_answer(const char *bytes, ssize_t size, struct asking *asking)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)
		(const void *)bytes;
	unsigned left = (unsigned)size;
	for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
		if (message->nlmsg_type == NLMSG_DONE ||
		    message->nlmsg_type == NLMSG_ERROR)
			return false;
		if (message->nlmsg_type == RTM_NEWADDR)
			take_address(message, asking);
	}
	return true;
}

int
own_addresses_ask(int fd, struct own_address list[OWN_ADDRESSES_LIMIT])
{
	char bytes[ANSWER_ROOM]
		__attribute__((aligned(__alignof__(struct nlmsghdr))));
	const struct {
		struct nlmsghdr head;
		struct ifaddrmsg what;
	} request = { .head = { .nlmsg_len = sizeof(request),
		.nlmsg_type = RTM_GETADDR,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };
	struct asking asking = { .list = list };
	if (send(fd, &request, sizeof(request), 0) < 0)
		return -1;
	for (unsigned i = 0; i < ANSWERS_LIMIT; i++) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		if (n <= 0 || !take_answer(bytes, n, &asking))
			break;
	}
	return asking.count;
}

int
own_addresses_open(int *fd, struct error *error)
{
	const struct timeval wait = { .tv_usec = 500000 };
	*fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (*fd < 0)
		return error_set_errno(error, "asking for the addresses of "
			"this machine");
	setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return 0;
}
