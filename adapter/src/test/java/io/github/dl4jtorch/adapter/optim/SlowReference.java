package io.github.dl4jtorch.adapter.optim;

/** Muon, Adafactor, ASGD and Rprop once more, number by number, for tests. */
final class SlowReference {

  private SlowReference() {}

  /** Returns what Muon subtracts but for the weight decay. */
  static double[][] muon(
      double[][] gradient, double[][] buffer, double momentum, int steps, double lr) {
    int rows = gradient.length;
    int columns = gradient[0].length;
    double[][] x = new double[rows][columns];
    double squares = 0;
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        buffer[i][j] += (1 - momentum) * (gradient[i][j] - buffer[i][j]);
        x[i][j] = gradient[i][j] + momentum * (buffer[i][j] - gradient[i][j]);
        squares += x[i][j] * x[i][j];
      }
    }
    double norm = Math.max(Math.sqrt(squares), 1e-7);
    double factor = lr * Math.sqrt(Math.max(1, rows / (double) columns));
    for (double[] row : x) {
      for (int j = 0; j < columns; j++) {
        row[j] /= norm;
      }
    }
    for (int step = 0; step < steps; step++) {
      // a x + b (x x') x + c (x x') (x x') x, from the right as from the left.
      double[][] cube = times(times(x, transposed(x)), x);
      double[][] fifth = times(times(x, transposed(x)), cube);
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
          x[i][j] = 3.4445 * x[i][j] - 4.7750 * cube[i][j] + 2.0315 * fifth[i][j];
        }
      }
    }
    for (double[] row : x) {
      for (int j = 0; j < columns; j++) {
        row[j] *= factor;
      }
    }
    return x;
  }

  private static double[][] transposed(double[][] matrix) {
    double[][] result = new double[matrix[0].length][matrix.length];
    for (int i = 0; i < matrix.length; i++) {
      for (int j = 0; j < matrix[0].length; j++) {
        result[j][i] = matrix[i][j];
      }
    }
    return result;
  }

  private static double[][] times(double[][] left, double[][] right) {
    double[][] result = new double[left.length][right[0].length];
    for (int i = 0; i < left.length; i++) {
      for (int j = 0; j < right[0].length; j++) {
        for (int k = 0; k < right.length; k++) {
          result[i][j] += left[i][k] * right[k][j];
        }
      }
    }
    return result;
  }

  /** Returns what Adafactor subtracts but for the size of the parameters and the weight decay. */
  static double[][] adafactor(
      double[][] gradient, double[] ofRows, double[] ofColumns, int step, double lr, double d) {
    int rows = gradient.length;
    int columns = gradient[0].length;
    double weight = Math.exp(-0.8 * Math.log(step));
    double mean = 0;
    for (int i = 0; i < rows; i++) {
      double sum = 0;
      for (int j = 0; j < columns; j++) {
        sum += gradient[i][j] * gradient[i][j];
      }
      ofRows[i] = (1 - weight) * ofRows[i] + weight * sum / columns;
      mean += ofRows[i] / rows;
    }
    for (int j = 0; j < columns; j++) {
      double sum = 0;
      for (int i = 0; i < rows; i++) {
        sum += gradient[i][j] * gradient[i][j];
      }
      ofColumns[j] = (1 - weight) * ofColumns[j] + weight * sum / rows;
    }
    double eps = Math.ulp(1.0);
    double[][] update = new double[rows][columns];
    double squares = 0;
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        double variance = ofRows[i] * ofColumns[j] / Math.max(mean, eps);
        update[i][j] = gradient[i][j] / Math.max(Math.sqrt(variance), eps);
        squares += update[i][j] * update[i][j];
      }
    }
    double root = Math.sqrt(squares / (rows * columns));
    double factor = Math.min(lr, Math.pow(step, -0.5)) / Math.max(1, root / d);
    for (double[] row : update) {
      for (int j = 0; j < columns; j++) {
        row[j] *= factor;
      }
    }
    return update;
  }
}
