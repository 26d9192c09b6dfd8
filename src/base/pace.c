/* Rates and back-off; see pace.h. */
#include "base/pace.h"

enum { BACK_OFF_MOST = 30000 };

bool
pace_take(struct pace *pace, int64_t now, unsigned most)
{
	if (pace->second != now / 1000) {
		pace->second = now / 1000;
		pace->count = 0;
	}
	if (pace->count >= most)
		return false;
	pace->count++;
	return true;
}

int64_t
pace_back_off(unsigned failures)
{
	if (failures < 2)
		return 0;
	return failures > 6 ? BACK_OFF_MOST :
		(int64_t)1000 << (failures - 2);
}
