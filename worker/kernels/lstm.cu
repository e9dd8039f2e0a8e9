// A step of the LSTM, one thread to a unit of a sequence: see worker/training/src/model/lstm.rs.
#include "common.cuh"

// Pre-activations of i, f, g and o go in, activations stay; `squashed` is tanh of the cell state as o reads it.
extern "C" __global__ void lstm_forward(float *gates, const float *bias, const float *h, const float *c, float *next_h,
                                        float *next_c, float *squashed, float *recurred, Step step) {
  Wide place = thread_place();
  unsigned n = step.hidden;
  if (place >= (Wide)step.rows * n) return;
  unsigned row = place / n, j = place % n, t = step.t;
  float *own = gates + (Wide)row * 4 * n + j;
  float i = sigmoid(own[0] + bias[j]);
  float f = sigmoid(own[n] + bias[n + j]);
  float g = tanhf(own[2 * n] + bias[2 * n + j]);
  float o = sigmoid(own[3 * n] + bias[3 * n + j]);
  float fresh = f * c[place] + i * g * entry(step.update, t, 0, row, j, 1.0f);
  float read = fresh * entry(step.cell, t, 0, row, j, 1.0f);
  float carried = step.hides ? fresh : read;
  float seen = tanhf(read), made = o * seen;
  float next = made + entry(step.zoneout_state, t, 0, row, j, 0.0f) * (h[place] - made);
  next_c[place] = carried + entry(step.zoneout_cell, t, 0, row, j, 0.0f) * (c[place] - carried);
  next_h[place] = next;
  own[0] = i;
  own[n] = f;
  own[2 * n] = g;
  own[3 * n] = o;
  squashed[place] = seen;
  recur(recurred, step, place, row, j, next);
}

// Gradients of the pre-activations take the place of the activations; `dh` leaves as what goes past the products, `dc`
// as the gradient of the cell state before.
extern "C" __global__ void lstm_backward(float *gates, const float *squashed, const float *c, float *dh, float *dc,
                                         const float *above, const float *through, Step step) {
  Wide place = thread_place();
  unsigned n = step.hidden;
  if (place >= (Wide)step.rows * n) return;
  unsigned row = place / n, j = place % n, t = step.t;
  float *own = gates + (Wide)row * 4 * n + j;
  float i = own[0], f = own[n], g = own[2 * n], o = own[3 * n], seen = squashed[place];
  float keep_c = entry(step.zoneout_cell, t, 0, row, j, 0.0f);
  float keep_h = entry(step.zoneout_state, t, 0, row, j, 0.0f);
  float update = entry(step.update, t, 0, row, j, 1.0f), cell = entry(step.cell, t, 0, row, j, 1.0f);
  float arrived = arriving(dh, above, through, step, place, row, j);
  float made = arrived * (1.0f - keep_h);
  float carried = dc[place] * (1.0f - keep_c), past = dc[place] * keep_c;
  float read = made * o * (1.0f - seen * seen);
  float fresh = step.hides ? read * cell + carried : (read + carried) * cell;
  dh[place] = arrived * keep_h;
  dc[place] = past + fresh * f;
  own[0] = fresh * g * update * i * (1.0f - i);
  own[n] = fresh * c[place] * f * (1.0f - f);
  own[2 * n] = fresh * i * update * (1.0f - g * g);
  own[3 * n] = made * seen * o * (1.0f - o);
}
