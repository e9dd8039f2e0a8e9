// A step of the gated recurrent unit, one thread to a unit of a sequence: see worker/training/src/model/gru.rs.
#include "common.cuh"

// `gates` holds the products with x of r, z and the candidate, `recalled` those with h. Left are the activations, and
// in the third part of `recalled` what r multiplies.
extern "C" __global__ void gru_forward(float *gates, float *recalled, const float *bias, const float *recalled_bias,
                                       const float *h, float *next_h, float *recurred, Step step) {
  Wide place = thread_place();
  unsigned n = step.hidden;
  if (place >= (Wide)step.rows * n) return;
  unsigned row = place / n, j = place % n;
  float *x = gates + (Wide)row * 3 * n + j, *u = recalled + (Wide)row * 3 * n + j;
  float r = sigmoid(x[0] + u[0] + bias[j]);
  float z = sigmoid(x[n] + u[n] + bias[n + j]);
  float past = u[2 * n] + recalled_bias[j];
  float made = tanhf(x[2 * n] + bias[2 * n + j] + r * past);
  float masked = made * entry(step.update, step.t, 0, row, j, 1.0f);
  float fresh = masked + z * (h[place] - masked);
  float next = fresh + entry(step.zoneout_state, step.t, 0, row, j, 0.0f) * (h[place] - fresh);
  x[0] = r;
  x[n] = z;
  x[2 * n] = made;
  u[2 * n] = past;
  next_h[place] = next;
  recur(recurred, step, place, row, j, next);
}

// Gradients of the products with x take the place of `gates`, those of the products with h of `recalled`.
extern "C" __global__ void gru_backward(float *gates, float *recalled, const float *h, float *dh, const float *above,
                                        const float *through, Step step) {
  Wide place = thread_place();
  unsigned n = step.hidden;
  if (place >= (Wide)step.rows * n) return;
  unsigned row = place / n, j = place % n;
  float *x = gates + (Wide)row * 3 * n + j, *u = recalled + (Wide)row * 3 * n + j;
  float r = x[0], z = x[n], made = x[2 * n], past = u[2 * n];
  float arrived = arriving(dh, above, through, step, place, row, j);
  float keep = entry(step.zoneout_state, step.t, 0, row, j, 0.0f);
  float update = entry(step.update, step.t, 0, row, j, 1.0f);
  float fresh = arrived * (1.0f - keep), masked = made * update;
  dh[place] = arrived * keep + fresh * z;
  float inner = fresh * (1.0f - z) * update * (1.0f - made * made);
  x[0] = u[0] = inner * past * r * (1.0f - r);
  x[n] = u[n] = fresh * (h[place] - masked) * z * (1.0f - z);
  x[2 * n] = inner;
  u[2 * n] = inner * r;
}
