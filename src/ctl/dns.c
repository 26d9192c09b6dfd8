/* posthouse dns: what the DNS is to know of this system. One word, one row;
 * without a word, the records. */
#include <string.h>

#include "ctl/dns.h"

static const struct {
	const char *word;
	int (*run)(struct ctl *ctl);	/* .argv[0] is the word */
	int least, most;		/* arguments behind it */
} words[] = {
	{ "announce", dns_announce, 1, 1 },
	{ "keys", dns_keys, 0, 1 },
	{ "roll", dns_roll, 1, 1 },
	{ "told", dns_told, 1, 1 },
};

int
ctl_dns(struct ctl *ctl)
{
	for (size_t i = 0; ctl->argc > 0 &&
	    i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(ctl->argv[0], words[i].word) != 0)
			continue;
		if (ctl->argc - 1 < words[i].least ||
		    ctl->argc - 1 > words[i].most)
			return ctl_usage(ctl_command_of(ctl_dns),
				"found %d words behind %s", ctl->argc - 1,
				words[i].word);
		return words[i].run(ctl);
	}
	return dns_records(ctl);
}
