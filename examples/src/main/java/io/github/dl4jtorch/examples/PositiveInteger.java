package io.github.dl4jtorch.examples;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads an option that must be a whole number above zero. */
final class PositiveInteger implements ITypeConverter<Integer> {

  @Override
  public Integer convert(String text) {
    int value;
    try {
      value = Integer.parseInt(text);
    } catch (NumberFormatException notWhole) {
      throw new TypeConversionException("must be a whole number > 0 but was '" + text + "'");
    }
    if (value <= 0) {
      throw new TypeConversionException("must be a whole number > 0 but was '" + text + "'");
    }
    return value;
  }
}
