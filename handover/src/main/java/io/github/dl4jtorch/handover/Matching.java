package io.github.dl4jtorch.handover;

import io.github.dl4jtorch.files.TorchTensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Which entries of a state dict stand for which parameters of a network. */
final class Matching {

  /**
   * An entry that stands for a parameter.
   *
   * @param key its key in the dict, whatever stands before the module's name included
   * @param name its name without that
   * @param index which of the parameter's tensors it is
   */
  record Entry(String key, String name, Twin twin, int index) {}

  /** What data parallelism, averaging and compilation put before all names. */
  private static final List<String> PREFIXES = List.of("module.", "_orig_mod.");

  static final String BATCHES = "num_batches_tracked";
  static final String N_AVERAGED = "n_averaged";

  private static final Pattern RECURRENT =
      Pattern.compile("((?:weight|bias)_(?:ih|hh))_l(\\d+)(_reverse)?");

  private final List<Twins.OfLayer> layers;
  private final List<Entry> entries = new ArrayList<>();
  private final Map<Twin, List<Entry>> byTwin = new LinkedHashMap<>();
  private final List<String> counts = new ArrayList<>();

  private Matching(List<Twins.OfLayer> layers) {
    this.layers = layers;
  }

  /** Finds the entries of a dict, and writes into a report what is missing or left over. */
  static Matching of(
      Map<?, ?> dict,
      List<Twins.OfLayer> layers,
      @Nullable UnaryOperator<String> moduleOf,
      HandoverReport.Draft report) {
    Matching matching = new Matching(layers);
    matching.match(dict, moduleOf, report);
    return matching;
  }

  /** Gives a network's parameters the names that PyTorch would have. */
  static Matching named(List<Twins.OfLayer> layers, @Nullable UnaryOperator<String> moduleOf) {
    Matching matching = new Matching(layers);
    for (Twins.OfLayer layer : layers) {
      String[] modules = modules(layer, moduleOf);
      for (Twin twin : layer.twins()) {
        String module = modules[Math.min(twin.part(), modules.length - 1)];
        for (int i = 0; i < twin.leaves().size(); i++) {
          String name = name(module, twin.leaves().get(i));
          matching.add(new Entry(name, name, twin, i));
        }
      }
    }
    return matching;
  }

  private static String[] modules(Twins.OfLayer layer, @Nullable UnaryOperator<String> moduleOf) {
    String name = moduleOf == null ? layer.name() : moduleOf.apply(layer.name());
    return name.split("\\+");
  }

  private void add(Entry entry) {
    entries.add(entry);
    byTwin.computeIfAbsent(entry.twin(), twin -> new ArrayList<>()).add(entry);
  }

  /** Returns the entries in the order of the dict, in which PyTorch's parameters are. */
  List<Entry> entries() {
    return entries;
  }

  /** Returns the entries that stand for a parameter, in the order of its tensors. */
  List<Entry> entries(Twin twin) {
    return byTwin.getOrDefault(twin, List.of());
  }

  /** Returns all parameters of the layers that have twins. */
  List<Twin> twins() {
    return layers.stream().flatMap(layer -> layer.twins().stream()).toList();
  }

  /** Returns the keys of counts, which a network does not need. */
  List<String> counts() {
    return counts;
  }

  /** Cuts off what stands before all names. */
  static String stripped(Map<?, ?> dict) {
    StringBuilder prefix = new StringBuilder();
    boolean isFound = true;
    while (isFound) {
      isFound = false;
      for (String more : PREFIXES) {
        String longer = prefix + more;
        if (!dict.isEmpty()
            && dict.keySet().stream()
                .allMatch(key -> key.equals(N_AVERAGED) || String.valueOf(key).startsWith(longer))
            && dict.keySet().stream().anyMatch(key -> !key.equals(N_AVERAGED))) {
          prefix.append(more);
          isFound = true;
        }
      }
    }
    return prefix.toString();
  }

  private void match(
      Map<?, ?> dict, @Nullable UnaryOperator<String> moduleOf, HandoverReport.Draft report) {
    int prefix = stripped(dict).length();
    Map<String, Map<String, String>> modules = new LinkedHashMap<>();
    Map<String, Integer> order = new LinkedHashMap<>();
    for (Map.Entry<?, ?> entry : dict.entrySet()) {
      String key = String.valueOf(entry.getKey());
      if (key.equals(N_AVERAGED) || key.endsWith(BATCHES)) {
        counts.add(key);
      } else if (entry.getValue() instanceof TorchTensor && entry.getKey() instanceof String) {
        order.put(key, order.size());
        sort(key, key.substring(prefix), modules);
      } else {
        report.leftOver.add(key + ", which is no tensor");
      }
    }
    Iterator<String> inOrder = List.copyOf(modules.keySet()).iterator();
    for (Twins.OfLayer layer : layers) {
      if (layer.twins().isEmpty()) {
        report.misfits.add(
            layer.name() + " is a " + layer.kind() + ", which PyTorch has no twin of");
        continue;
      }
      String[] names = moduleOf == null ? next(inOrder, layer.parts()) : modules(layer, moduleOf);
      if (names.length != layer.parts()) {
        report.misfits.add(
            layer.name()
                + " stands for "
                + layer.parts()
                + " modules, so its name must be theirs with a + between them");
        continue;
      }
      for (Twin twin : layer.twins()) {
        match(twin, names[twin.part()], modules, prefix, report);
      }
    }
    modules.values().forEach(leaves -> leaves.values().forEach(report.leftOver::add));
    entries.sort(Comparator.comparing(entry -> order.getOrDefault(entry.key(), -1)));
  }

  private static String[] next(Iterator<String> modules, int parts) {
    String[] names = new String[parts];
    for (int part = 0; part < parts; part++) {
      names[part] = modules.hasNext() ? modules.next() : "one module more";
    }
    return names;
  }

  private void match(
      Twin twin,
      String module,
      Map<String, Map<String, String>> modules,
      int prefix,
      HandoverReport.Draft report) {
    Map<String, String> leaves = modules.getOrDefault(module, Map.of());
    for (int i = 0; i < twin.leaves().size(); i++) {
      String leaf = twin.leaves().get(i);
      String key = leaves.get(leaf);
      if (key == null) {
        report.missing.add(name(module, leaf) + " for " + twin);
      } else {
        leaves.remove(leaf);
        add(new Entry(key, key.substring(prefix), twin, i));
      }
    }
  }

  /** Puts a key where its module is; each layer of an LSTM of several is a module here. */
  private static void sort(String key, String name, Map<String, Map<String, String>> modules) {
    int dot = name.lastIndexOf('.');
    String module = dot < 0 ? "" : name.substring(0, dot);
    String leaf = name.substring(dot + 1);
    Matcher recurrent = RECURRENT.matcher(leaf);
    if (recurrent.matches()) {
      if (!recurrent.group(2).equals("0")) {
        module += "_l" + recurrent.group(2);
      }
      leaf = recurrent.group(1) + "_l0" + (recurrent.group(3) == null ? "" : "_reverse");
    }
    modules.computeIfAbsent(module, none -> new LinkedHashMap<>()).put(leaf, key);
  }

  static String name(String module, String leaf) {
    return module.isEmpty() ? leaf : module + "." + leaf;
  }
}
