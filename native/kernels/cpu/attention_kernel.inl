// Attention of some queries to one page of keys and values, once for all instruction sets and
// stored types. Included inside an unnamed namespace, after lanes.inl.
//
// What a query gets depends on nothing but itself and what it sees: a score is summed column by
// column, weighted values position by position, weights in the lanes that the page's places give.
// Only how many queries go through the registers together differs, and that orders nothing.

// Sums of 16 lanes that registers hold beside what they are made of, and rows at once.
#if defined(__AVX512F__)
constexpr int kSumsAtOnce = 16, kRowsAtOnce = 8;
#elif defined(__AVX__) || defined(__aarch64__)
constexpr int kSumsAtOnce = 6, kRowsAtOnce = 6;
#else
constexpr int kSumsAtOnce = 2, kRowsAtOnce = 2;
#endif

// With no more rows than these a page costs its memory, which is asked for ahead: for the second
// level cache what lies as far on as a head's keys are long, which is its values, and then the next
// head's keys; for the first level keys by the blocks of one round, values by some rows.
constexpr int kRowsOfMemory = 4;
constexpr int kRowsAhead = 16;

inline void prefetch_half_on(const PageArgs& args, const void* at) {
  __builtin_prefetch(static_cast<const uint8_t*>(at) + (args.values - args.keys), 0, 2);
}

// 1, 2 or 4: sums of each row when `rows` of them are computed together.
constexpr int sums_a_row(int rows) {
  const int most = kSumsAtOnce / rows;
  return most >= 4 ? 4 : most >= 2 ? 2 : 1;
}

// One head of one query.
struct QueryRow {
  const float* q;
  float* state;
  bool joins;
  int begin, end;           // the places that it sees
  float* weights;           // [kPagePositions], first the scores
  float kept, added;        // factors of the state so far and of this page
  const float* group_sums;  // of q by the keys' groups, where keys have biases
  float bias;               // all that the biases of values add, where values have some
};

// sums = products of `rows` rows' columns [from, to) with those of `blocks` blocks of keys.
template <class Stored, int rows, int blocks>
inline void multiply_keys(const PageArgs& args, const QueryRow* row, int block, int from, int to,
                          Lanes (*out)[blocks]) {
  Lanes sums[rows][blocks];
  MLXD_UNROLL for (int r = 0; r < rows; ++r) {
    MLXD_UNROLL for (int b = 0; b < blocks; ++b) sums[r][b].clear();
  }
  for (int d = from; d < to; ++d) {
    Lanes key[blocks];
    MLXD_UNROLL for (int b = 0; b < blocks; ++b) {
      Stored::load(Stored::key(args, block + b, d), key[b]);
      if (rows <= kRowsOfMemory) {
        __builtin_prefetch(Stored::key(args, block + blocks + b, d).address());
        prefetch_half_on(args, Stored::key(args, block + b, d).address());
      }
    }
    MLXD_UNROLL for (int r = 0; r < rows; ++r) {
      MLXD_UNROLL for (int b = 0; b < blocks; ++b) sums[r][b].fuse_product(key[b], row[r].q[d]);
    }
  }
  MLXD_UNROLL for (int r = 0; r < rows; ++r) {
    MLXD_UNROLL for (int b = 0; b < blocks; ++b) out[r][b] = sums[r][b];
  }
}

// The same for keys of integers, group by group: scale * (q . k) + bias * sum(q).
template <class Stored, int rows, int blocks>
inline void multiply_groups(const PageArgs& args, const QueryRow* row, int block,
                            Lanes (*sums)[blocks]) {
  for (int r = 0; r < rows; ++r) {
    for (int b = 0; b < blocks; ++b) sums[r][b].clear();
  }
  for (int group = 0, from = 0; from < args.dim; ++group, from += kKeyGroup) {
    const int to = from + kKeyGroup < args.dim ? from + kKeyGroup : args.dim;
    Lanes products[rows][blocks];
    multiply_keys<Stored, rows, blocks>(args, row, block, from, to, products);
    MLXD_UNROLL for (int b = 0; b < blocks; ++b) {
      Lanes scale, bias;
      Stored::key_scales(args, block + b, group, scale, bias);
      MLXD_UNROLL for (int r = 0; r < rows; ++r) {
        sums[r][b].fuse_product(products[r][b], scale);
        sums[r][b].fuse_product(bias, row[r].group_sums[group]);
      }
    }
  }
}

// Scores of `rows` rows and `blocks` blocks of keys, the first being `block`.
template <class Stored, int rows, int blocks>
inline void score_blocks(const PageArgs& args, const QueryRow* row, int block) {
  Lanes sums[rows][blocks];
  if constexpr (Stored::kScaled)
    multiply_groups<Stored, rows, blocks>(args, row, block, sums);
  else
    multiply_keys<Stored, rows, blocks>(args, row, block, 0, args.dim, sums);
  MLXD_UNROLL for (int r = 0; r < rows; ++r) {
    MLXD_UNROLL for (int b = 0; b < blocks; ++b) {
      sums[r][b].scale(args.scale);
      sums[r][b].store(row[r].weights + (block + b) * kBlockKeys);
    }
  }
}

// Sums of a query by the groups of its keys' columns.
inline void sum_groups(const float* q, int dim, float* sums) {
  for (int from = 0; from < dim; from += kKeyGroup) {
    const int count = dim - from < kKeyGroup ? dim - from : kKeyGroup;
    float columns[kKeyGroup] = {};
    __builtin_memcpy(columns, q + from, count * sizeof(float));
    Lanes total, next;
    total.load(columns);
    next.load(columns + kLaneCount);
    total.add(next);
    *sums++ = sum_lanes(total);
  }
}

// Values of integers: takes their scales into a row's weights, and what their biases add.
template <class Stored>
inline void scale_weights(const PageArgs& args, QueryRow& row, int width) {
  Lanes total;
  total.clear();
  for (int place = row.begin / kLaneCount * kLaneCount; place < row.end; place += kLaneCount) {
    Lanes weights, scale, bias;
    Stored::value_scales(args, width, place, scale, bias);
    weights.load(row.weights + place);
    bias.multiply(weights);
    scale.multiply(weights);
    scale.store(row.weights + place);
    float biases[kLaneCount];
    bias.store(biases);
    // Nothing is known of what lies in places that the row does not see.
    for (int i = place; i < row.begin; ++i) biases[i - place] = 0;
    for (int i = row.end; i < place + kLaneCount; ++i) biases[i - place] = 0;
    bias.load(biases);
    total.add(bias);
  }
  row.bias = sum_lanes(total);
}

// tanh to within 1e-7.
inline Register tanh_of(Register x) {
  const Register e = exp_negative(-2.0f * (x < 0.0f ? -x : x));
  const Register t = (1.0f - e) / (1.0f + e);
  return x < 0.0f ? -t : t;
}

inline void cap_scores(float* scores, int from, int to, float cap) {
  for (int i = from; i < to; i += kRegisterLanes) {
    Register score;
    __builtin_memcpy(&score, scores + i, kRegisterBytes);
    score = cap * tanh_of(score / cap);
    __builtin_memcpy(scores + i, &score, kRegisterBytes);
  }
}

inline float largest(const float* scores, int from, int to) {
  Lanes maxima;
  maxima.load(scores + from);
  for (int i = from + kLaneCount; i < to; i += kLaneCount) {
    Lanes next;
    next.load(scores + i);
    maxima.keep_larger(next);
  }
  return largest_lane(maxima);
}

// Scores in [from, to), whole vectors of lanes, to weights e^(score - maximum); returns their sum
// over the places that the row sees.
inline float exponentiate(QueryRow& row, int from, int to, float maximum) {
  for (int i = from; i < to; i += kRegisterLanes) {
    Register score;
    __builtin_memcpy(&score, row.weights + i, kRegisterBytes);
    score = exp_negative(score - maximum);
    __builtin_memcpy(row.weights + i, &score, kRegisterBytes);
  }
  for (int i = from; i < row.begin; ++i) row.weights[i] = 0;
  for (int i = row.end; i < to; ++i) row.weights[i] = 0;
  Lanes sums;
  sums.clear();
  for (int i = from; i < to; i += kLaneCount) {
    Lanes weights;
    weights.load(row.weights + i);
    sums.add(weights);
  }
  return sum_lanes(sums);
}

inline float exp_of(float x) {
  Register value = Register{} + x;
  value = exp_negative(value);
  return value[0];
}

// Makes weights of a row's scores, and takes their maximum and sum into its state.
inline void weigh_scores(const PageArgs& args, QueryRow& row, int width) {
  const int from = row.begin / kLaneCount * kLaneCount;
  const int to = (row.end + kLaneCount - 1) / kLaneCount * kLaneCount;
  if (args.cap > 0) cap_scores(row.weights, from, to, args.cap);
  for (int i = from; i < row.begin; ++i) row.weights[i] = -__builtin_inff();
  for (int i = row.end; i < to; ++i) row.weights[i] = -__builtin_inff();
  const float maximum = largest(row.weights, from, to);
  const float sum = exponentiate(row, from, to, maximum);
  float& total_maximum = row.state[width];
  float& total_sum = row.state[width + 1];
  if (!row.joins) {
    total_maximum = maximum;
    total_sum = sum;
    return;
  }
  const float joint = maximum > total_maximum ? maximum : total_maximum;
  row.kept = exp_of(total_maximum - joint);
  row.added = exp_of(maximum - joint);
  total_maximum = joint;
  total_sum = total_sum * row.kept + sum * row.added;
}

// sums [rows, vectors] += weights of the places [from, to) times their values from `column` on.
template <class Stored, int rows, int vectors>
inline void add_values(const PageArgs& args, int width, const QueryRow* row, int from, int to,
                       int column, Lanes* sums) {
  Lanes in[rows][vectors];
  MLXD_UNROLL for (int r = 0; r < rows; ++r) {
    MLXD_UNROLL for (int i = 0; i < vectors; ++i) in[r][i] = sums[r * vectors + i];
  }
  for (int j = from; j < to; ++j) {
    Lanes value[vectors];
    MLXD_UNROLL for (int i = 0; i < vectors; ++i) {
      const int at = column + i * kLaneCount;
      Stored::load(Stored::value(args, width, j, at), value[i]);
      if (rows <= kRowsOfMemory) {
        __builtin_prefetch(Stored::value(args, width, j + kRowsAhead, at).address());
        prefetch_half_on(args, Stored::value(args, width, j, at).address());
      }
    }
    MLXD_UNROLL for (int r = 0; r < rows; ++r) {
      MLXD_UNROLL for (int i = 0; i < vectors; ++i) in[r][i].fuse_product(value[i],
                                                                          row[r].weights[j]);
    }
  }
  MLXD_UNROLL for (int r = 0; r < rows; ++r) {
    MLXD_UNROLL for (int i = 0; i < vectors; ++i) sums[r * vectors + i] = in[r][i];
  }
}

// Columns [column, column + 16 * vectors) of the states of `rows` rows, whose common places are
// [from, to).
template <class Stored, int rows, int vectors>
inline void weigh_values(const PageArgs& args, const QueryRow* row, int from, int to, int width,
                         int column) {
  Lanes sums[rows * vectors];
  MLXD_UNROLL for (int i = 0; i < rows * vectors; ++i) sums[i].clear();
  for (int r = 0; r < rows; ++r) {
    if (row[r].begin < from) {
      add_values<Stored, 1, vectors>(args, width, row + r, row[r].begin, from, column,
                                     sums + r * vectors);
    }
  }
  add_values<Stored, rows, vectors>(args, width, row, from, to, column, sums);
  for (int r = 0; r < rows; ++r) {
    if (to < row[r].end) {
      add_values<Stored, 1, vectors>(args, width, row + r, to, row[r].end, column,
                                     sums + r * vectors);
    }
    for (int i = 0; i < vectors; ++i) {
      float* state = row[r].state + column + i * kLaneCount;
      if (Stored::kScaled) sums[r * vectors + i].shift(row[r].bias);
      Lanes total = sums[r * vectors + i];
      if (row[r].joins) {
        total.load(state);
        total.scale(row[r].kept);
        total.add_product(sums[r * vectors + i], row[r].added);
      }
      total.store(state);
    }
  }
}

template <class Stored, int rows>
void attend_rows(const PageArgs& args, QueryRow* row) {
  alignas(64) float scores[rows][kPagePositions];
  float group_sums[Stored::kScaled ? rows : 1][kMostGroups];
  int first = kPagePositions, last = 0;  // places that any row sees
  int from = 0, to = kPagePositions;     // that all see
  for (int r = 0; r < rows; ++r) {
    row[r].weights = scores[r];
    if constexpr (Stored::kScaled) {
      sum_groups(row[r].q, args.dim, group_sums[r]);
      row[r].group_sums = group_sums[r];
    }
    first = row[r].begin < first ? row[r].begin : first;
    last = row[r].end > last ? row[r].end : last;
    from = row[r].begin > from ? row[r].begin : from;
    to = row[r].end < to ? row[r].end : to;
  }
  constexpr int blocks = sums_a_row(rows);
  // To the last block that is seen and no further: what lies behind would come from memory too.
  int block = first / kBlockKeys;
  const int end_block = (last + kBlockKeys - 1) / kBlockKeys;
  for (; block + blocks <= end_block; block += blocks) {
    score_blocks<Stored, rows, blocks>(args, row, block);
  }
  for (; block < end_block; ++block) score_blocks<Stored, rows, 1>(args, row, block);
  const int width = (args.dim + kLaneCount - 1) / kLaneCount * kLaneCount;
  for (int r = 0; r < rows; ++r) {
    weigh_scores(args, row[r], width);
    if constexpr (Stored::kScaled) scale_weights<Stored>(args, row[r], width);
  }
  if (from > to) {
    for (int r = 0; r < rows; ++r) {
      for (int column = 0; column < width; column += kLaneCount) {
        weigh_values<Stored, 1, 1>(args, row + r, row[r].begin, row[r].end, width, column);
      }
    }
    return;
  }
  constexpr int vectors = sums_a_row(rows);
  int column = 0;
  for (; column + vectors * kLaneCount <= width; column += vectors * kLaneCount) {
    weigh_values<Stored, rows, vectors>(args, row, from, to, width, column);
  }
  for (; column < width; column += kLaneCount) {
    weigh_values<Stored, rows, 1>(args, row, from, to, width, column);
  }
}

// attend_rows for `count` rows, known when it is compiled.
template <class Stored, int most>
void attend_some(const PageArgs& args, QueryRow* row, int count) {
  if constexpr (most > 1) {
    if (count < most) return attend_some<Stored, most - 1>(args, row, count);
  }
  attend_rows<Stored, most>(args, row);
}

template <class Stored>
void attend_page(const PageArgs& args) {
  QueryRow rows[kRowsAtOnce];
  int count = 0;
  for (int query = 0; query < args.queries; ++query) {
    const int seen_to = args.position + query + 1 - args.first;
    const bool slides = args.window > 0 && args.position + query >= args.window;
    const int seen_from = (slides ? args.position + query + 1 - args.window : 0) - args.first;
    const int begin = seen_from > 0 ? seen_from : 0;
    const int end = seen_to < kPagePositions ? seen_to : kPagePositions;
    if (begin >= end) continue;
    for (int head = 0; head < args.heads; ++head) {
      const float* q = args.q + query * args.query_stride + head * args.dim;
      float* state = args.states + query * args.query_states + head * args.head_states;
      rows[count++] = {q,       state, args.joins && seen_from < 0, begin, end, nullptr, 0, 0,
                       nullptr, 0};
      if (count < kRowsAtOnce) continue;
      attend_rows<Stored, kRowsAtOnce>(args, rows);
      count = 0;
    }
  }
  if (count > 0) attend_some<Stored, kRowsAtOnce>(args, rows, count);
}

void join_pages(float* state, const float* later, int width) {
  const float maximum = later[width] > state[width] ? later[width] : state[width];
  const float kept = exp_of(state[width] - maximum), added = exp_of(later[width] - maximum);
  for (int column = 0; column < width; column += kLaneCount) {
    Lanes total, next;
    total.load(state + column);
    next.load(later + column);
    total.scale(kept);
    total.add_product(next, added);
    total.store(state + column);
  }
  state[width] = maximum;
  state[width + 1] = state[width + 1] * kept + later[width + 1] * added;
}
