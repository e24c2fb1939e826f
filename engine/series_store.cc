#include "engine/series_store.h"

#include <algorithm>

namespace rootnote {
namespace {

bool Before(const Series* a, const Series* b) { return InSelectionOrder(a->key, b->key); }

void MergeIn(std::vector<const Series*>& into, size_t sorted) {
  const auto middle = into.begin() + static_cast<std::ptrdiff_t>(sorted);
  std::sort(middle, into.end(), Before);
  std::inplace_merge(into.begin(), middle, into.end(), Before);
}

void AddPoints(const Series& series, EventTime from, EventTime to,
               std::vector<promql::SeriesPoints>& out) {
  const std::span<const promql::Point> points = series.In(from, to);
  if (!points.empty()) {
    out.push_back({series.key.labels, points, nullptr});
  }
}

}  // namespace

WindowStore::WindowStore(const RuleSet& rules)
    : rules_(rules), members_(rules.selectors().size()) {}

void WindowStore::Add(const std::vector<const Series*>& series) {
  if (series.empty()) {
    return;
  }
  const size_t before = all_.size();
  all_.insert(all_.end(), series.begin(), series.end());
  MergeIn(all_, before);
  std::vector<size_t> sizes(members_.size());
  for (size_t i = 0; i < members_.size(); ++i) {
    sizes[i] = members_[i].size();
  }
  for (const Series* one : series) {
    for (const SelectorId id : one->selectors) {
      members_[id.index()].push_back(one);
    }
  }
  for (size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].size() > sizes[i]) {
      MergeIn(members_[i], sizes[i]);
    }
  }
}

void WindowStore::DropDead() {
  const auto drop = [](std::vector<const Series*>& from) {
    from.erase(
        std::remove_if(from.begin(), from.end(), [](const Series* series) { return series->dead; }),
        from.end());
  };
  drop(all_);
  for (auto& members : members_) {
    drop(members);
  }
}

std::vector<promql::SeriesPoints> WindowStore::Select(const promql::Expr& selector, EventTime from,
                                                      EventTime to) const {
  std::vector<promql::SeriesPoints> out;
  if (const auto id = rules_.Find(selector)) {
    for (const Series* series : members_[id->index()]) {
      AddPoints(*series, from, to, out);
    }
    return out;
  }
  for (const Series* series : all_) {
    const Labels& labels = series->key.labels;
    const bool matches =
        !series->key.projection && std::all_of(selector.matchers.begin(), selector.matchers.end(),
                                               [&labels](const promql::Matcher& matcher) {
                                                 return matcher.Matches(labels.Get(matcher.name));
                                               });
    if (matches) {
      AddPoints(*series, from, to, out);
    }
  }
  return out;
}

}  // namespace rootnote
