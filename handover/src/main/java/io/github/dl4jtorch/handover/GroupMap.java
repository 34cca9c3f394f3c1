package io.github.dl4jtorch.handover;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.jspecify.annotations.Nullable;

/** Which parameters each of PyTorch's param groups has, and which of the network's groups it is. */
final class GroupMap {

  /**
   * One of PyTorch's groups.
   *
   * @param own the network's group, -1 if it has none
   * @param summed the network's group of the recurrent biases, -1 if there is none
   * @param entries the parameters, in PyTorch's order
   */
  record Group(int own, int summed, List<Matching.Entry> entries) {}

  private static final int NONE = -1;

  private final List<Group> groups = new ArrayList<>();
  private final int ownGroups;

  private GroupMap(int ownGroups) {
    this.ownGroups = ownGroups;
  }

  List<Group> groups() {
    return groups;
  }

  /** Where the parameters of each group come from. */
  record Source(
      NeuralNetwork net,
      Matching matching,
      @Nullable NetworkParamGroups groups,
      List<Predicate<NetworkParam>> selections) {

    List<Matching.Entry> trained() {
      return matching.entries().stream().filter(entry -> entry.twin().isTrained()).toList();
    }
  }

  /** Finds the groups for those of a file. */
  static GroupMap of(List<Map<?, ?>> torch, Source source, HandoverReport.Draft report) {
    NetworkParamGroups own = source.groups;
    GroupMap map = new GroupMap(own == null ? 0 : own.size());
    List<List<Matching.Entry>> chosen = map.chosen(torch, source);
    if (chosen.size() != torch.size()) {
      report.misfits.add(
          "the optimizer has "
              + torch.size()
              + " param groups and the network "
              + chosen.size()
              + (own == null ? ": say which parameters each has" : ""));
      return map;
    }
    for (int i = 0; i < torch.size(); i++) {
      String name = "param_groups[" + i + "]";
      int size = Entries.list(name + ".params", torch.get(i).get("params")).size();
      Group group = map.groups.get(i);
      if (torch.get(i).get("param_names") instanceof List<?> names) {
        group = new Group(group.own, group.summed, named(name, names, source));
        map.groups.set(i, group);
      }
      if (group.entries.size() != size) {
        report.misfits.add(
            name
                + " has "
                + size
                + " parameters and the network "
                + group.entries.size()
                + ": "
                + group.entries.stream().map(Matching.Entry::name).toList());
      }
    }
    return map;
  }

  /** Makes the groups as they will be in a new file. */
  static GroupMap ofOwn(Source source) {
    GroupMap map = new GroupMap(source.groups == null ? 0 : source.groups.size());
    map.chosen(List.of(), source);
    return map;
  }

  private List<List<Matching.Entry>> chosen(List<Map<?, ?>> torch, Source source) {
    List<List<Matching.Entry>> chosen =
        source.groups != null ? ofGroups(source, source.groups) : ofSelections(torch, source);
    return chosen;
  }

  private List<List<Matching.Entry>> ofSelections(List<Map<?, ?>> torch, Source source) {
    List<List<Matching.Entry>> chosen = new ArrayList<>();
    if (source.selections.isEmpty()) {
      boolean isNamed = torch.stream().allMatch(group -> group.get("param_names") != null);
      int size = isNamed && !torch.isEmpty() ? torch.size() : 1;
      for (int i = 0; i < size; i++) {
        chosen.add(source.trained());
      }
    } else {
      NetworkParams params = NetworkParams.of(source.net);
      for (Predicate<NetworkParam> selection : source.selections) {
        chosen.add(
            source.trained().stream()
                .filter(entry -> selection.test(params.named(entry.twin().offset())))
                .toList());
      }
    }
    chosen.forEach(entries -> groups.add(new Group(NONE, NONE, entries)));
    return chosen;
  }

  private List<List<Matching.Entry>> ofGroups(Source source, NetworkParamGroups own) {
    NetworkParams params = NetworkParams.of(source.net);
    List<List<Matching.Entry>> chosen = new ArrayList<>();
    for (int i = 0; i < own.size(); i++) {
      if (isSummed(own, i)) {
        continue;
      }
      Set<NetworkParam> members = new HashSet<>(own.params(i));
      int summed = NONE;
      for (int other = 0; other < own.size(); other++) {
        if (own.name(other).equals(TorchGroups.nameOfSummed(i))) {
          summed = other;
          members.addAll(own.params(other));
        }
      }
      List<Matching.Entry> entries = entries(source, params, members);
      chosen.add(entries);
      groups.add(new Group(i, summed, entries));
    }
    return chosen;
  }

  private static boolean isSummed(NetworkParamGroups own, int group) {
    for (int i = 0; i < own.size(); i++) {
      if (own.name(group).equals(TorchGroups.nameOfSummed(i))) {
        return true;
      }
    }
    return false;
  }

  private static List<Matching.Entry> entries(
      Source source, NetworkParams params, Set<NetworkParam> set) {
    return source.trained().stream()
        .filter(entry -> set.contains(params.named(entry.twin().offset())))
        .toList();
  }

  private static List<Matching.Entry> named(String group, List<?> names, Source source) {
    Map<String, Matching.Entry> byName = new HashMap<>();
    for (Matching.Entry entry : source.trained()) {
      byName.put(entry.name(), entry);
      byName.put(entry.key(), entry);
    }
    List<Matching.Entry> entries = new ArrayList<>();
    for (Object name : names) {
      Matching.Entry entry = byName.get(stripped(name));
      if (entry == null) {
        throw new HandoverException(
            group + ".param_names has " + name + ", which is no parameter of the network");
      }
      entries.add(entry);
    }
    return entries;
  }

  private static String stripped(Object name) {
    String text = String.valueOf(name);
    return text.substring(Matching.stripped(Map.of(text, "")).length());
  }

  /**
   * Gives each of the network's groups what PyTorch's group has, recurrent biases twice the rate.
   */
  List<Map<String, Object>> toOwn(List<Map<?, ?>> torch) {
    List<Map<String, Object>> states = new ArrayList<>();
    for (int own = 0; own < ownGroups; own++) {
      Map<String, Object> state = new LinkedHashMap<>();
      for (int i = 0; i < groups.size(); i++) {
        Group group = groups.get(i);
        if (group.own == own || group.summed == own) {
          int factor = group.own == own ? 1 : TorchGroups.TWICE;
          torch.get(i).forEach((key, value) -> state.put(String.valueOf(key), value));
          for (String rate : RATES) {
            if (state.get(rate) instanceof Number number) {
              state.put(rate, factor * number.doubleValue());
            }
          }
          if (state.get("weight_decay") instanceof Number number) {
            // It acts on the sum at the double rate.
            state.put("weight_decay", number.doubleValue() / factor);
          }
        }
      }
      states.add(state);
    }
    return states;
  }

  private static final List<String> RATES =
      List.of("lr", "initial_lr", "max_lr", "min_lr", "swa_lr");

  /** What a scheduler's state has for each group, and whether it is a rate. */
  private static final Map<String, Boolean> PER_GROUP =
      Map.of(
          "base_lrs", true,
          "_last_lr", true,
          "min_lrs", true,
          "max_lrs", true,
          "swa_lrs", true,
          "base_momentums", false,
          "max_momentums", false,
          "lr_lambdas", false);

  private boolean isAsInPyTorch() {
    return groups.size() == ownGroups;
  }

  /** Makes a scheduler's state fit the network's groups. */
  Map<String, Object> scheduleToOwn(Map<?, ?> torch) {
    Map<String, Object> state = new LinkedHashMap<>();
    torch.forEach(
        (key, value) -> state.put(String.valueOf(key), toOwn(String.valueOf(key), value)));
    return state;
  }

  private @Nullable Object toOwn(String key, @Nullable Object value) {
    if (isAsInPyTorch()) {
      return value;
    }
    Boolean isRate = PER_GROUP.get(key);
    if (isRate != null && value instanceof List<?> list && list.size() == groups.size()) {
      Object[] own = new Object[ownGroups];
      for (int i = 0; i < groups.size(); i++) {
        Group group = groups.get(i);
        own[group.own] = list.get(i);
        if (group.summed != NONE) {
          own[group.summed] =
              isRate && list.get(i) instanceof Number number
                  ? (Object) (TorchGroups.TWICE * number.doubleValue())
                  : list.get(i);
        }
      }
      return Arrays.asList(own);
    }
    if (key.equals("_schedulers") && value instanceof List<?> list) {
      List<@Nullable Object> states = new ArrayList<>();
      list.forEach(
          entry -> states.add(entry instanceof Map<?, ?> map ? scheduleToOwn(map) : entry));
      return states;
    }
    return value;
  }

  /** Leaves out of a run's state what PyTorch's groups do not have. */
  Map<String, @Nullable Object> scheduleToTorch(Map<String, ?> own) {
    Map<String, @Nullable Object> state = new LinkedHashMap<>();
    own.forEach((key, value) -> state.put(key, toTorch(key, withInfinity(value))));
    return state;
  }

  /** A run's state has a number that every JSON takes in place of infinity, and a file need not. */
  private static @Nullable Object withInfinity(@Nullable Object value) {
    if (value instanceof List<?> list) {
      List<@Nullable Object> values = new ArrayList<>();
      list.forEach(of -> values.add(withInfinity(of)));
      return values;
    }
    if (value instanceof Map<?, ?> map) {
      Map<Object, @Nullable Object> values = new LinkedHashMap<>();
      map.forEach((key, of) -> values.put(key, withInfinity(of)));
      return values;
    }
    return value instanceof BigDecimal number ? (Object) number.doubleValue() : value;
  }

  private @Nullable Object toTorch(String key, @Nullable Object value) {
    if (isAsInPyTorch()) {
      return value;
    }
    if (PER_GROUP.containsKey(key) && value instanceof List<?> list && list.size() == ownGroups) {
      List<@Nullable Object> torch = new ArrayList<>();
      groups.forEach(group -> torch.add(list.get(group.own)));
      return torch;
    }
    if (key.equals("_schedulers") && value instanceof List<?> list) {
      List<@Nullable Object> states = new ArrayList<>();
      for (Object entry : list) {
        Map<String, Object> names = new LinkedHashMap<>();
        if (entry instanceof Map<?, ?> map) {
          map.forEach((name, of) -> names.put(String.valueOf(name), of));
        }
        states.add(scheduleToTorch(names));
      }
      return states;
    }
    return value;
  }
}
