/*
 * Who still answers. See health.h.
 */
#include "queue/health.h"

#include <assert.h>

void
health_init(struct health *health)
{
	*health = (struct health){ .waiting = 0 };
	pthread_mutex_init(&health->lock, NULL);
}

void
health_fini(struct health *health)
{
	pthread_mutex_destroy(&health->lock);
}

bool
health_enter(struct health *health, int64_t now)
{
	pthread_mutex_lock(&health->lock);
	bool may = !health->is_stuck || health->waiting == 0;
	if (may && health->waiting++ == 0)
		health->progress = now;
	pthread_mutex_unlock(&health->lock);
	return may;
}

void
health_answered(struct health *health, int64_t now)
{
	pthread_mutex_lock(&health->lock);
	health->progress = now;
	health->is_stuck = false;
	pthread_mutex_unlock(&health->lock);
}

int64_t
health_wait_until(struct health *health)
{
	pthread_mutex_lock(&health->lock);
	int64_t until = health->progress + HEALTH_SILENCE;
	pthread_mutex_unlock(&health->lock);
	return until;
}

void
health_silent(struct health *health, int64_t now)
{
	pthread_mutex_lock(&health->lock);
	if (health->waiting > 0 && now - health->progress >= HEALTH_SILENCE)
		health->is_stuck = true;
	pthread_mutex_unlock(&health->lock);
}

void
health_leave(struct health *health)
{
	pthread_mutex_lock(&health->lock);
	assert(health->waiting > 0);
	health->waiting--;
	pthread_mutex_unlock(&health->lock);
}
