#include "bench/quality/simulator/physics.h"

#include <algorithm>
#include <cmath>

namespace rootnote::simulator {
namespace {

constexpr EntityIndex kNobody = UINT32_MAX;
constexpr float kTakenOutIn = 25;  // seconds: health checks of load balancers

float Towards(float now, float target, float tau, double recovery) {
  const double seconds = target < now ? tau * recovery : tau;
  return now +
         (target - now) * static_cast<float>(1 - std::exp(-kStepSeconds / std::max(1.0, seconds)));
}

// How much slower what is asked for more than it bears becomes.
float Overload(float load, float headroom) { return 4 * std::max(0.0F, load - headroom); }

bool CarriesLoad(Link link) {
  switch (link) {
    case Link::kCalls:
    case Link::kUses:
    case Link::kStartsAt:
    case Link::kQueries:
    case Link::kCachesIn:
    case Link::kPublishesTo:
    case Link::kReliesOn:
      return true;
    default:
      return false;
  }
}

}  // namespace

float SlowShare(float slow) {
  const float x = slow / 2.5F;
  return slow <= 0 ? 0 : 1 - std::exp(-x * x);
}

// What the things that a service needs do to it.
struct Physics::Needs {
  float works = 1, quick = 1;             // shares of requests that nothing fails, slows
  float resolves = 1, resolved_slow = 1;  // of the best resolver: failing, slow
  bool has_resolver = false;
  float members = 0, dead = 0, member_err = 0, member_slow = 0;
};

Physics::Physics(const Estate& estate)
    : estate_(estate),
      states_(estate.entities.size()),
      passed_err_(estate.relations.size()),
      passed_slow_(estate.relations.size()),
      demand_(estate.entities.size()),
      usual_demand_(estate.entities.size()),
      taken_out_(estate.entities.size()),
      owner_(estate.entities.size(), kNobody) {
  for (const Relation& relation : estate.relations) {
    if (CarriesLoad(relation.link)) usual_demand_[relation.to] += relation.weight;
    if (relation.link == Link::kConsistsOf) owner_[relation.to] = relation.from;
    if (relation.link == Link::kHostedOn) owner_[relation.to] = relation.from;
  }
}

void Physics::Step(const std::vector<Force>& forces, double recovery) {
  recovery_ = recovery;
  Loads();
  for (EntityIndex i = 0; i < states_.size(); ++i) StepOne(i, forces[i]);
}

// From the users down, by how everything was a step ago.
void Physics::Loads() {
  std::fill(demand_.begin(), demand_.end(), 0.0F);
  for (size_t i = states_.size(); i-- > 0;) {
    State& state = states_[i];
    if (usual_demand_[i] > 0) state.load = 0.1F + 0.9F * demand_[i] / usual_demand_[i];
    const uint32_t first = estate_.first_relation[i], last = estate_.first_relation[i + 1];
    float misses = 0;
    for (uint32_t r = first; r < last; ++r) {
      const Relation& relation = estate_.relations[r];
      if (relation.link == Link::kCachesIn) {
        misses = std::max(misses, states_[relation.to].aux * relation.weight);
      }
    }
    for (uint32_t r = first; r < last; ++r) {
      const Relation& relation = estate_.relations[r];
      if (!CarriesLoad(relation.link)) continue;
      // Who fails early asks less of others; who retries asks more of what fails.
      const float others = std::max(0.0F, state.err - passed_err_[r] * relation.weight);
      float asked = relation.weight * state.load * (1 - 0.6F * others);
      if (relation.retries) asked *= 1 + 1.5F * std::min(1.0F, passed_err_[r]);
      if (relation.link == Link::kQueries) asked *= 1 + 2.5F * misses;
      demand_[relation.to] += asked;
    }
  }
}

float Physics::Lagged(uint32_t relation, float err) {
  const Relation& edge = estate_.relations[relation];
  if (edge.stays_well) err *= 0.08F;
  return passed_err_[relation] = Towards(passed_err_[relation], err, edge.lag / 2, recovery_);
}

float Physics::LaggedSlow(uint32_t relation, float slow) {
  const Relation& edge = estate_.relations[relation];
  if (edge.stays_well) slow *= 0.08F;
  return passed_slow_[relation] = Towards(passed_slow_[relation], slow, edge.lag / 2, recovery_);
}

void Physics::StepOne(EntityIndex i, const Force& force) {
  State& state = states_[i];
  state.down = force.down;
  state.err = force.err;
  state.slow = force.slow;
  state.io = force.io;
  state.loss = force.loss;
  state.cpu = estate_.entities[i].base + force.cpu;
  switch (estate_.entities[i].kind) {
    case Kind::kZone:
    case Kind::kDisk:
    case Kind::kProvider:
      state.aux = force.aux;
      break;
    case Kind::kSwitch:
    case Kind::kHost:
    case Kind::kArray:
    case Kind::kLun:
    case Kind::kDatastore:
      Below(i, force, state);
      break;
    case Kind::kVm:
      Machine(i, force, state);
      break;
    case Kind::kDns:
    case Kind::kCache:
    case Kind::kDatabase:
    case Kind::kQueue:
      Hosted(i, force, state);
      break;
    case Kind::kInstance:
      Instance(i, force, state);
      break;
    case Kind::kService:
    case Kind::kGateway:
    case Kind::kTransaction:
      Service(i, force, state);
      break;
  }
}

void Physics::Below(EntityIndex i, const Force& force, State& state) {
  const Entity& entity = estate_.entities[i];
  float cables = 0, cut = 0, loss = 0;
  float broken[8] = {};
  for (uint32_t r = estate_.first_relation[i]; r < estate_.first_relation[i + 1]; ++r) {
    const State& below = states_[estate_.relations[r].to];
    switch (estate_.relations[r].link) {
      case Link::kConnectedBy:
        cables += 1;
        cut += below.down > 0.5F ? 1.0F : 0.0F;
        loss += below.loss;
        break;
      case Link::kBuiltFrom:
        broken[estate_.entities[estate_.relations[r].to].group % 8] += below.aux;
        break;
      case Link::kCarvedFrom:
        state.io += below.io;
        // The paths through a lost controller fail until they are moved by hand.
        state.err += below.err + (below.aux > 0.5F && entity.group == 0 ? 0.5F : 0.0F);
        state.down = std::max(state.down, below.down);
        break;
      default:  // in a zone, on a lun
        state.io += below.io;
        state.err += below.err;
        state.down = std::max(state.down, below.down);
    }
  }
  state.aux = force.aux;
  if (entity.kind == Kind::kHost) {
    if (cables > 0 && cut == cables) state.down = 1;
    if (cables > 0) state.loss += loss / cables;
    state.slow += 40 * std::max(0.0F, state.cpu - 0.92F);
  } else if (entity.kind == Kind::kArray) {
    for (const float disks : broken) {
      if (disks >= 1.5F) state.io += 7, state.err += 0.03F;  // rebuilding without redundancy
      if (disks >= 0.5F) state.io += 0.15F;
    }
    if (state.aux > 0.5F) state.io += 1.2F;
  } else if (entity.kind == Kind::kDatastore && state.aux > 0.5F) {
    state.err = std::max(state.err, 0.7F);  // full
  }
  state.err = std::min(1.0F, state.err);
}

void Physics::Machine(EntityIndex i, const Force&, State& state) {
  for (uint32_t r = estate_.first_relation[i]; r < estate_.first_relation[i + 1]; ++r) {
    const Relation& relation = estate_.relations[r];
    const State& below = states_[relation.to];
    if (relation.link == Link::kPlacedOn) {
      state.down = std::max(state.down, below.down);
      state.slow += below.slow;
      state.loss += below.loss;
    } else {  // stored on
      state.io += LaggedSlow(r, below.io * (0.5F + 0.5F * relation.weight));
      state.err += Lagged(r, std::max(below.err, below.down));
    }
  }
  if (owner_[i] != kNobody) state.cpu += 0.25F * (states_[owner_[i]].load - 1);
  state.aux = 0;
}

void Physics::Hosted(EntityIndex i, const Force& force, State& state) {
  const Entity& entity = estate_.entities[i];
  float misses = 0;
  for (uint32_t r = estate_.first_relation[i]; r < estate_.first_relation[i + 1]; ++r) {
    const Relation& relation = estate_.relations[r];
    const State& below = states_[relation.to];
    if (relation.link == Link::kShieldedBy) {
      misses = std::max(misses, LaggedSlow(r, below.aux));
      continue;
    }
    state.down = std::max(state.down, below.down);
    state.slow += LaggedSlow(r, 0.6F * below.slow + below.io * relation.weight + 20 * below.loss);
    state.err += Lagged(r, below.err * relation.weight + std::min(0.5F, 2 * below.loss));
  }
  state.load = state.load * force.load + 1.5F * misses;
  state.slow += Overload(state.load, entity.headroom);
  if (entity.kind == Kind::kDatabase) {
    // Slow queries hold connections; who finds none fails.
    const float used = entity.base * state.load * (1 + 0.25F * state.slow) + force.aux;
    state.aux = std::min(1.0F, used);
    if (used > 1) state.err += 0.8F * (1 - 1 / used);
  } else if (entity.kind == Kind::kQueue) {
    // What is not consumed grows older; beyond ten minutes publishers are refused.
    const bool stuck = force.aux > 0.5F || state.down > 0.5F || state.err > 0.5F || state.slow > 4;
    const float step = kStepSeconds;
    state.aux = std::max(0.0F, state.aux + (stuck ? step : -4 * step));
    state.slow += state.aux > 90 ? 4 : 0;
    if (state.aux > 300) state.err += 0.5F;
  } else if (entity.kind == Kind::kCache) {
    state.aux = Towards(state.aux, std::max(force.aux, state.down), force.aux > 0 ? 15 : 90, 1);
  }
  state.err = std::min(1.0F, state.err);
}

void Physics::Instance(EntityIndex i, const Force& force, State& state) {
  float fewest = 1;
  bool resolves = false;
  for (uint32_t r = estate_.first_relation[i]; r < estate_.first_relation[i + 1]; ++r) {
    const Relation& relation = estate_.relations[r];
    const State& below = states_[relation.to];
    if (relation.link == Link::kResolvesWith) {
      fewest = std::min(fewest, Lagged(r, std::max(below.err, below.down)));
      resolves = true;
      continue;
    }
    if (Lagged(r, below.down) > 0.5F) state.down = 1;
    state.err += below.err * relation.weight + std::min(1.0F, 3 * below.loss);
    state.slow += below.slow + below.io * relation.weight + 20 * below.loss;
  }
  state.aux = std::max(force.aux, resolves ? fewest : 0);
  if (owner_[i] != kNobody) {
    const float alive = std::max(0.2F, 1 - taken_out_[owner_[i]]);
    state.cpu = estate_.entities[i].base * states_[owner_[i]].load / alive + force.cpu;
  }
  state.slow += 5 * std::max(0.0F, state.cpu - 0.95F);
  state.err = std::min(1.0F, state.err);
}

void Physics::Need(uint32_t r, Needs& needs) {
  const Relation& relation = estate_.relations[r];
  const State& below = states_[relation.to];
  float err = std::max(below.err, below.down), slow = below.slow;
  switch (relation.link) {
    case Link::kConsistsOf:
      needs.members += 1;
      needs.dead += below.down > 0.5F ? 1.0F : 0.0F;
      needs.member_err += below.down > 0.5F ? 0 : below.err;
      needs.member_slow += below.down > 0.5F ? 0 : SlowShare(below.slow);
      return;
    case Link::kResolvesWith:
      needs.has_resolver = true;
      needs.resolves = std::min(needs.resolves, Lagged(r, err) * relation.weight);
      needs.resolved_slow =
          std::min(needs.resolved_slow, LaggedSlow(r, SlowShare(slow)) * relation.weight);
      return;
    case Link::kCachesIn:  // without it everything works, only slower
      err = 0;
      slow = 0.8F * std::max({below.aux, below.down, SlowShare(below.slow)});
      break;
    case Link::kConsumesFrom:  // what comes late makes nobody's request fail
      err = 0.3F * below.err;
      slow = below.aux > 90 ? 0.8F : 0;
      break;
    case Link::kPublishesTo:
      slow = 0.3F * SlowShare(slow);
      break;
    case Link::kCalls:
    case Link::kUses:
      break;  // a service's slowness is a share already
    default:
      slow = SlowShare(slow);
  }
  const float failed = Lagged(r, err), late = LaggedSlow(r, slow);
  const float given_up = relation.gives_up && late > 0.5F ? 0.5F * (late - 0.5F) : 0;
  needs.works *= 1 - relation.weight * std::min(1.0F, failed + given_up);
  needs.quick *= 1 - relation.weight * late;
}

// Services, and what users see of them.
void Physics::Service(EntityIndex i, const Force& force, State& state) {
  Needs needs;
  for (uint32_t r = estate_.first_relation[i]; r < estate_.first_relation[i + 1]; ++r) {
    Need(r, needs);
  }
  if (needs.has_resolver) {
    needs.works *= 1 - needs.resolves;
    needs.quick *= 1 - needs.resolved_slow;
  }
  if (needs.members > 0) {
    const float dead = needs.dead / needs.members;
    taken_out_[i] = Towards(taken_out_[i], dead, kTakenOutIn, 1);
    const float alive = std::max(1.0F, needs.members - needs.dead);
    float own = std::max(0.0F, dead - taken_out_[i]) + needs.member_err / alive;
    if (dead > 0.99F) own = 1;
    needs.works *= 1 - std::min(1.0F, own);
    const float load = state.load * force.load / std::max(0.05F, 1 - taken_out_[i]);
    const float over = Overload(load, estate_.entities[i].headroom);
    needs.quick *= (1 - std::min(1.0F, needs.member_slow / alive)) * (1 - SlowShare(over));
    needs.works *= 1 - std::min(0.5F, 0.1F * over);
  }
  state.err = 1 - (1 - force.err) * needs.works;
  state.slow = 1 - (1 - force.slow) * needs.quick;
}

}  // namespace rootnote::simulator
