# Compound losses by actuar's Panjer recursion on 256 steps a limit. Reads from standard input a line per policy:
#   mean shape(0: Poisson) law mu sigma waiting limit aggregate      (lengths and amounts in hours)
# and writes mean, sd, P(nothing) and four quantiles of the sum under the aggregate limit.
suppressMessages(library(actuar))

levels <- c(0.5, 0.9, 0.99, 0.995)
steps <- 256

limited <- function(d, law, mu, sigma) {
  if (law == "lognormal") return(levlnorm(d, mu, sigma))
  levweibull(d, shape = 1 / sigma, scale = exp(mu))
}

for (line in readLines("stdin")) {
  word <- strsplit(line, " ")[[1]]
  law <- word[3]
  v <- suppressWarnings(as.numeric(word))
  mean <- v[1]; shape <- v[2]; mu <- v[4]; sigma <- v[5]; waiting <- v[6]; limit <- v[7]; aggregate <- v[8]
  h <- limit / steps
  grid <- (0:steps) * h
  # E[min(payout, x)] of (D - waiting)+ capped by the limit: mass spread so that the mean is kept
  lev <- sapply(waiting + grid, limited, law, mu, sigma) - if (waiting > 0) limited(waiting, law, mu, sigma) else 0
  alive <- diff(lev) / h
  severity <- c(1, alive) - c(alive, 0)
  if (shape > 0) {
    law_of_sum <- aggregateDist("recursive", model.freq = "negative binomial", model.sev = severity,
                                size = shape, prob = shape / (shape + mean), x.scale = h, maxit = 1e6, tol = 1e-9)
  } else {
    law_of_sum <- aggregateDist("recursive", model.freq = "poisson", model.sev = severity,
                                lambda = mean, x.scale = h, maxit = 1e6, tol = 1e-9)
  }
  x <- knots(law_of_sum)
  p <- diff(c(0, law_of_sum(x)))
  p <- p / sum(p)
  paid <- pmin(x, aggregate)
  m <- sum(paid * p)
  q <- sapply(levels, function(level) paid[which(cumsum(p) >= level)[1]])
  cat(sprintf("%.12g", c(m, sqrt(sum(p * (paid - m)^2)), p[1], q)), "\n")
}
