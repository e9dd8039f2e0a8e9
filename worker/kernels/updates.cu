// Updates of parameters in place, one thread to a number; gradients are multiplied by the number at `scale` first.
#include "common.cuh"

// p ← keep · p − rate · g.
extern "C" __global__ void descend(float *p, const float *g, Wide count, float keep, float rate, const float *scale) {
  Wide place = thread_place();
  if (place < count) p[place] = p[place] * keep - *scale * g[place] * rate;
}

// Adam (Kingma & Ba 2015), algorithm 1: m and v follow g and g²; p ← keep · p − rate · m / (√(unbias · v) + epsilon).
extern "C" __global__ void adam(float *p, float *m, float *v, const float *g, Wide count, float keep, float rate,
                                float unbias, float epsilon, float decay_m, float rise_m, float decay_v, float rise_v,
                                const float *scale) {
  Wide place = thread_place();
  if (place >= count) return;
  float gradient = *scale * g[place];
  float first = decay_m * m[place] + rise_m * gradient;
  float second = decay_v * v[place] + rise_v * gradient * gradient;
  m[place] = first;
  v[place] = second;
  p[place] = p[place] * keep - first * rate / (sqrtf(second * unbias) + epsilon);
}
