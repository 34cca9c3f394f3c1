package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.examples.Trial.Outcome;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** What {@link Gains} found, as a table and as a picture. */
final class GainsTable {

  /** How many standard errors are no chance. */
  private static final double CLEAR = 2;

  private static final double PERCENT = 100;

  private final ImageParts images;
  private final Map<Method, Trial> trials = new EnumMap<>(Method.class);
  private final Map<Method, List<Double>> accuracies = new EnumMap<>(Method.class);

  /** Takes what became of the trials that are judged, each method's in the order of the seeds. */
  GainsTable(ImageParts images, Map<Trial, Outcome> judged) {
    this.images = images;
    judged.forEach(
        (trial, outcome) -> {
          trials.put(trial.method(), trial);
          accuracies
              .computeIfAbsent(trial.method(), method -> new ArrayList<>())
              .add(PERCENT * outcome.test().accuracy());
        });
  }

  private Trial trial(Method method) {
    return Objects.requireNonNull(trials.get(method));
  }

  private List<Double> accuracies(Method method) {
    return Objects.requireNonNull(accuracies.get(method));
  }

  /** Estimates by how much a method is better than another, seed by seed. */
  private Estimate gain(Method method, Method over) {
    return Estimate.ofDifferences(accuracies(over), accuracies(method));
  }

  /** Returns the table. */
  String text() {
    int epochs = trial(Method.CONSTANT).epochs();
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "%s: %d images to train on, %d to choose rates by, %d to judge by%n"
                + "Test accuracy in %%, mean +- standard error of %d seeds%n%n",
            images.name(),
            images.train().numExamples(),
            images.validation().numExamples(),
            images.test().numExamples(),
            accuracies(Method.CONSTANT).size()));
    text.append(row("", "epochs", "rate ", "accuracy", "over constant rate", ""));
    for (Method method : Method.values()) {
      if (method == Method.SHORT_CONSTANT) {
        text.append(System.lineSeparator());
      }
      Trial trial = trial(method);
      Estimate accuracy = Estimate.of(accuracies(method));
      text.append(
          row(
              method.title(),
              String.valueOf(trial.epochs()),
              trial.lr() + (isAtEnd(trial) ? "*" : " "),
              String.format(Locale.ROOT, "%.2f +- %.2f", accuracy.mean(), accuracy.standardError()),
              method.baseline() == method ? "" : signed(gain(method, method.baseline())),
              method.baseline() == method ? "" : verdict(gain(method, method.baseline()))));
    }
    text.append(String.format(Locale.ROOT, "%nAgainst the constant rate over %d epochs%n", epochs));
    for (Method method : Method.values()) {
      if (method.isShort()) {
        Estimate gain = gain(method, Method.CONSTANT);
        String trained = String.valueOf(trial(method).epochs());
        text.append(row(method.title(), trained, "", "", signed(gain), verdict(gain)));
      }
    }
    text.append(
        String.format(Locale.ROOT, "%nbetter, worse: by more than %.0f standard errors%n", CLEAR));
    if (trials.values().stream().anyMatch(GainsTable::isAtEnd)) {
      text.append(String.format("*: the lowest or highest rate on offer; others may be better%n"));
    }
    return text.toString();
  }

  private static String row(
      String name, String epochs, String rate, String accuracy, String gain, String verdict) {
    String row =
        String.format("%-23s%6s%7s%15s%20s  %s", name, epochs, rate, accuracy, gain, verdict);
    return row.stripTrailing() + System.lineSeparator();
  }

  private static boolean isAtEnd(Trial trial) {
    List<Double> rates = trial.method().rates();
    int place = rates.indexOf(trial.lr());
    return place == 0 || place == rates.size() - 1;
  }

  private static String signed(Estimate gain) {
    return String.format(Locale.ROOT, "%+.2f +- %.2f", gain.mean(), gain.standardError());
  }

  /** Says in a word whether a gain is one. */
  static String verdict(Estimate gain) {
    if (Math.abs(gain.mean()) <= CLEAR * gain.standardError()) {
      return "no clear difference";
    }
    return gain.mean() > 0 ? "better" : "worse";
  }

  /** Draws each method's seeds as dots, and the mean with its standard error. */
  void draw(Path picture) throws IOException {
    List<DotRows.Row> rows = new ArrayList<>();
    for (Method method : Method.values()) {
      rows.add(
          new DotRows.Row(
              method.title() + ", " + trial(method).epochs(),
              accuracies(method),
              Estimate.of(accuracies(method))));
    }
    new DotRows(images.name() + ": test accuracy by method and epochs", "test accuracy in %", rows)
        .write(picture);
  }
}
